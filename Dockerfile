# Knect in one image: `knect operator`, `knect worker`, `knect receiver`, `knect api`.
#
#   docker build -t knect .                    (podman and buildah take the same file)
#   docker build -t knect-demo --target demo . (adds the simulated shop and a Tryton, for trials)
#
# Layers, from what changes least: base, dependencies, Knect itself.

FROM docker.io/library/python:3.11-slim-bookworm AS tools
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1 PYTHONDONTWRITEBYTECODE=1 \
    UV_LINK_MODE=copy UV_NO_CACHE=1 UV_PYTHON_DOWNLOADS=never UV_PROJECT_ENVIRONMENT=/opt/knect
RUN apt-get update -qq \
    && apt-get install -qq --yes --no-install-recommends binutils >/dev/null \
    && rm -rf /var/lib/apt/lists/*
RUN python3 -m venv /opt/uv && /opt/uv/bin/pip install --quiet "uv==0.13.9"
WORKDIR /src
COPY pyproject.toml uv.lock ./
COPY .ci/image/slim.py /opt/slim.py

# What the lock file says, and nothing of Knect: this layer lasts until the lock file changes.
# `--build-arg EXTRAS=mssql` adds the driver for SQL Server (Great Plains): 15 MB few need.
FROM tools AS dependencies
ARG EXTRAS=""
RUN /opt/uv/bin/uv sync --quiet --locked --no-default-groups --no-install-project \
      ${EXTRAS:+--extra "$EXTRAS"} --extra operator --extra postgres \
    && env -u PYTHONDONTWRITEBYTECODE /opt/knect/bin/python /opt/slim.py \
      aiohttp alembic.command asyncpg click cronsim httpx jsonschema kopf msgspec \
      kubernetes.aio.client opentelemetry.exporter.otlp.proto.http.trace_exporter \
      opentelemetry.sdk.trace prometheus_client pydantic re2 rich.console rich.table \
      sqlalchemy.ext.asyncio sqlalchemy.dialects.postgresql.asyncpg \
      sqlalchemy.dialects.sqlite.pysqlite standardwebhooks.webhooks starlette.applications starlette.routing uuid_utils \
      uvicorn yaml zstandard
RUN mkdir -p /usr/share/knect \
    && /opt/uv/bin/uv export --quiet --locked --no-default-groups ${EXTRAS:+--extra "$EXTRAS"} --extra operator --extra postgres \
      --preview-features sbom-export --format cyclonedx1.5 --output-file /usr/share/knect/sbom.json

# Knect itself, compiled, as the files it adds to the environment.
FROM dependencies AS project
COPY README.md ./
COPY connectors connectors
COPY operator operator
RUN /opt/uv/bin/uv pip install --quiet --no-deps --compile-bytecode \
      --python /opt/knect/bin/python --prefix /project .

# In front of real systems nobody needs simulated ones, or what tries a connector at them.
FROM project AS real
RUN cd /project/lib/python3.11/site-packages/knect_connectors \
    && rm -rf */simulator */conformance.py */__pycache__/conformance.*

FROM docker.io/library/python:3.11-slim-bookworm AS runtime
LABEL org.opencontainers.image.title="knect" \
      org.opencontainers.image.description="Keeps shops, CRM and e-mail marketing in step with the ERP" \
      org.opencontainers.image.vendor="Knect"
ENV PATH=/opt/knect/bin:/usr/local/bin:/usr/bin:/bin \
    PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1 HOME=/tmp TMPDIR=/tmp LOGNAME=knect
# The base has no bytecode, and a read-only container could not keep any: it would start a second later.
RUN env -u PYTHONDONTWRITEBYTECODE python3 -c "import asyncio, contextvars, csv, ctypes, dataclasses, \
      decimal, difflib, email.message, fractions, gzip, html, http.client, http.cookiejar, inspect, \
      ipaddress, json, logging.config, mimetypes, multiprocessing, pathlib, pickle, platform, pprint, \
      secrets, shelve, shutil, socketserver, sqlite3, ssl, statistics, tarfile, tempfile, typing, \
      unittest.mock, urllib.request, uuid, wsgiref.simple_server, xml.etree.ElementTree, zipfile, zoneinfo"
# Libraries ask for their user's name, and fail where the number has none.
RUN echo "knect:x:65532:65532:Knect:/tmp:/sbin/nologin" >> /etc/passwd
# Numbers, not names: `runAsNonRoot` can only check a number. /tmp is the one place written to.
USER 65532:65532
WORKDIR /tmp
ENTRYPOINT ["knect"]

# The simulated shop (`knect simulate shopify`) and a Tryton with a company in it, for trials.
# Nothing is taken out: Tryton's own test modules set its demo company up.
FROM tools AS demo-dependencies
RUN /opt/uv/bin/uv sync --quiet --locked --no-default-groups --no-install-project --compile-bytecode \
      --extra mssql --extra operator --extra postgres --extra simulators --extra tryton

# A Tryton database with its modules activated, so that the pod need not spend a minute on it.
FROM demo-dependencies AS demo-ready
COPY --from=project /project /opt/knect
RUN KNECT_CACHE=/demo /opt/knect/bin/python -c \
      "from knect_connectors.tryton.demo import warm; warm()"

FROM runtime AS demo
ENV KNECT_DEMO_READY=/usr/share/knect/demo
COPY --from=demo-dependencies /opt/knect /opt/knect
COPY --from=demo-ready /demo /usr/share/knect/demo
COPY --from=project /project /opt/knect

# Last: what a build without `--target` gives.
FROM runtime AS knect
COPY --from=dependencies /opt/knect /opt/knect
COPY --from=dependencies /usr/share/knect /usr/share/knect
ARG VERSION=0.1.0
ARG REVISION=unknown
COPY --from=real /project /opt/knect
LABEL org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
