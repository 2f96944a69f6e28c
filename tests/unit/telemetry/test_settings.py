"""The environment variables are OpenTelemetry's."""

import pytest

from knect.telemetry import read_settings


def test_nothing_configured_means_nothing_is_sent():
    assert read_settings({}).endpoint is None


def test_the_shared_endpoint_gets_the_signals_path():
    env = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector:4318/"}
    assert read_settings(env).endpoint == "http://collector:4318/v1/traces"


def test_the_traces_endpoint_is_taken_as_it_is():
    env = {
        "OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector:4318",
        "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://other/in",
    }
    assert read_settings(env).endpoint == "http://other/in"


def test_the_kill_switch_wins():
    env = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://c", "OTEL_SDK_DISABLED": "true"}
    assert read_settings(env).endpoint is None


def test_service_name_and_attributes_become_the_resource():
    env = {
        "OTEL_RESOURCE_ATTRIBUTES": "k8s.pod.name=w-1,service.name=other,team=a%20b",
        "OTEL_SERVICE_NAME": "knect-worker",
    }
    assert read_settings(env).resource == {
        "k8s.pod.name": "w-1",
        "service.name": "knect-worker",
        "team": "a b",
    }


def test_headers_are_used_and_never_shown():
    env = {
        "OTEL_EXPORTER_OTLP_ENDPOINT": "http://c",
        "OTEL_EXPORTER_OTLP_HEADERS": "api-key=canary-secret",
    }
    settings = read_settings(env)
    assert settings.headers() == {"api-key": "canary-secret"}
    assert "canary" not in repr(settings)


@pytest.mark.parametrize(
    "env",
    [
        {"OTEL_EXPORTER_OTLP_ENDPOINT": "collector:4318"},
        {"OTEL_TRACES_SAMPLER_ARG": "half"},
    ],
)
def test_what_cannot_be_used_is_named(env):
    with pytest.raises(ValueError, match=r"collector:4318|OTEL_TRACES_SAMPLER_ARG='half'"):
        read_settings(env)
