#!/bin/sh
# Starts PostgreSQL, after making its data folder at the first start. Knows the variables of the
# official image: POSTGRES_USER, POSTGRES_PASSWORD, POSTGRES_DB, the three also as NAME_FILE, and
# PGDATA, which must be a folder that can be made: below the volume, not the volume itself.
set -eu
for name in POSTGRES_USER POSTGRES_PASSWORD POSTGRES_DB; do
    eval "file=\${${name}_FILE:-}"
    [ -z "$file" ] || eval "$name=\$(cat \"\$file\")"
done
: "${POSTGRES_USER:=postgres}" "${POSTGRES_DB:=$POSTGRES_USER}"
case "${1:-}" in "" | -*) ;; postgres) shift ;; *) exec "$@" ;; esac

if [ ! -s "$PGDATA/PG_VERSION" ]; then
    : "${POSTGRES_PASSWORD:?set POSTGRES_PASSWORD to a password for the user $POSTGRES_USER}"
    # Made beside, then moved: a start that was cut short is begun again.
    new="$PGDATA.new"
    rm -rf "$new"
    secret=$(mktemp)
    printf '%s\n' "$POSTGRES_PASSWORD" > "$secret"
    initdb --pgdata="$new" --username="$POSTGRES_USER" --pwfile="$secret" --encoding=UTF8 \
        --locale=C.UTF-8 --auth-local=trust --auth-host=scram-sha-256
    rm -f "$secret"
    echo "host all all all scram-sha-256" >> "$new/pg_hba.conf"
    if [ "$POSTGRES_DB" != postgres ]; then
        pg_ctl --pgdata="$new" -w start -o "-c listen_addresses='' -k /tmp"
        echo 'CREATE DATABASE :"name"' | psql --host=/tmp --username="$POSTGRES_USER" \
            --dbname=postgres --set=ON_ERROR_STOP=1 --set=name="$POSTGRES_DB"
        pg_ctl --pgdata="$new" -w stop
    fi
    rmdir "$PGDATA" 2>/dev/null || true
    mv "$new" "$PGDATA"
fi
# With `fsGroup` each mount opens the folder to the group, and PostgreSQL then refuses it.
chmod 0700 "$PGDATA" || true
exec postgres -D "$PGDATA" -c listen_addresses='*' -c unix_socket_directories=/tmp "$@"
