"""Is the description true? It is valid, every route is in it, and made-up requests get described answers."""

from typing import Any

from hypothesis import HealthCheck, given, settings
from openapi_spec_validator import OpenAPIV31SpecValidator
from schemathesis import BaseSchema, Case
from schemathesis.checks import not_a_server_error
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.checks import positive_data_acceptance
from starlette.routing import Route
from starlette.testclient import TestClient

from tests.http.parts import Service

UNDESCRIBED = {"/metrics", "/openapi.json", "/docs"}


def test_the_description_is_valid(business: TestClient) -> None:
    OpenAPIV31SpecValidator(business.get("/openapi.json").json()).validate()


def test_every_route_is_described(service: Service, client: TestClient) -> None:
    described = set(client.get("/openapi.json").json()["paths"])

    paths = {route.path_format for route in service.app.routes if isinstance(route, Route)}
    assert paths - UNDESCRIBED == described


def test_the_pages_need_nothing_from_elsewhere(client: TestClient) -> None:
    page = client.get("/docs")

    assert "default-src 'none'" in page.headers["content-security-policy"]
    assert "http" not in page.text.replace("http-equiv", "")
    for part in ("swagger_style.css", "swagger_bundle.js", "start.js"):
        assert f"/docs/{part}" in page.text
        assert client.get(f"/docs/{part}").status_code == 200


def test_made_up_requests_are_answered_as_described(described: BaseSchema) -> None:
    """A date of the right shape may be none (2026-02-30), and a position may never come: so a 400 and a 503
    are as good answers as a 200, where they are described."""
    for operation in described.get_all_operations():
        assert isinstance(operation, Ok)

        @settings(max_examples=8, deadline=None, database=None, suppress_health_check=list(HealthCheck))
        @given(case=operation.ok().as_strategy())
        def check(case: Case[Any]) -> None:
            response = case.call()
            assert response.status_code != 500
            case.validate_response(response, excluded_checks=[not_a_server_error, positive_data_acceptance])

        check()
