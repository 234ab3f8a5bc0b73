import errno
import json
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from io import StringIO
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import text

from features.errors import InputError
from features.home import Home, open_home
from serving.app import create_app
from serving.log import Log
from serving.settings import ServingSettings, load_settings
from serving.state import keys
from serving.state.database import open_state
from serving.state.migrate import migrate

NOW = datetime(2025, 3, 1)
FORBIDDEN = (
    *("ibis", "duckdb", "pyspark", "sqlglot", "mlflow", "optuna", "matplotlib"),
    *("lightgbm", "sklearn", "implicit", "joblib", "numba", "dask", "scipy.stats", "scipy.optimize", "scipy.integrate"),
    *("alembic", "typer", "httpx", "requests", "training.registry", "training.recipes", "training.tuning", "features.ingest"),
    *("structlog", "rich", "sqlalchemy.dialects.postgresql"),
)


def test_health_and_readiness_say_what_is_served(client: httpx.Client) -> None:
    assert client.get("/healthz").json() == {"status": "ok"}
    ready = client.get("/readyz").json()
    assert ready["ready"] is True
    assert (ready["clock"], ready["now"], ready["keys"]) == ("pinned", "2025-03-01T00:00:00", "none")
    assert ready["customers"] >= 250
    assert set(ready["models"]) == {"churn", "value", "affinity", "response"}
    models = {each["kind"]: each for each in client.get("/v1/models").json()["models"]}
    assert (models["churn"]["version"], models["churn"]["horizon_days"]) == ("1", 30)


def test_metrics_count_by_route_and_carry_no_ids(client: httpx.Client) -> None:
    client.get("/v1/customers/secret-person/churn")
    client.get("/nowhere/secret-person")
    shown = client.get("/metrics").text
    assert 'nextbest_requests_total{method="GET",route="/v1/customers/{customer_id}/churn",status="404"} 1.0' in shown
    assert "secret-person" not in shown


def test_openapi_describes_every_route_with_an_example(client: httpx.Client) -> None:
    described = client.get("/openapi.json").json()
    assert client.get("/docs").status_code == 200
    for path, methods in described["paths"].items():
        for method, route in methods.items():
            assert route.get("description"), f"{method} {path} has no description"
    row = described["paths"]["/v1/events"]["post"]["requestBody"]["content"]["application/json"]["schema"]["anyOf"][0]
    assert "identify" in row["properties"]["event_type"]["enum"]


def test_every_route_is_in_the_docs(client: httpx.Client) -> None:
    docs = (Path(__file__).parents[2] / "docs" / "http.md").read_text(encoding="utf-8")
    missing = [
        f"{m.upper()} {p}"
        for p, methods in client.get("/openapi.json").json()["paths"].items()
        for m in methods
        if f"{m.upper()} {p}" not in docs
    ]
    assert missing == []


@pytest.mark.parametrize(("method", "path", "status"), [("GET", "/v1/nothing", 404), ("GET", "/", 404), ("DELETE", "/healthz", 405)])
def test_a_wrong_route_or_method_is_a_problem(client: httpx.Client, method: str, path: str, status: int) -> None:
    response = client.request(method, path)
    assert response.status_code == status
    assert response.headers["content-type"] == "application/problem+json"
    assert {"type", "title", "status", "detail", "remedy", "instance"} <= response.json().keys()


def test_a_body_that_is_no_json_is_a_problem(client: httpx.Client) -> None:
    for content in (b"{", b"", b'{"customer_id": NaN}'):
        response = client.post("/v1/decisions", content=content, headers={"Content-Type": "application/json"})
        assert response.status_code in (400, 422)
        assert response.json()["remedy"]


def test_a_defect_is_answered_without_its_inside_and_logged_without_people(serve: Any) -> None:
    server = serve()
    with server as client:
        with server.app.state.serving.state.writing() as connection:
            row = {"g": 1, "c": "Nguyen Van Secret", "j": "{}", "h": b"no history"}
            connection.execute(
                text(
                    "INSERT INTO published_customers (generation, customer_id, profile, consent, contacts, history) VALUES (:g, :c, :j, :j, '[]', :h)"
                ),
                row,
            )
        response = client.get("/v1/customers/Nguyen Van Secret/churn")
    assert response.status_code == 500
    assert response.headers["content-type"] == "application/problem+json"
    logged = server.stream.getvalue()
    assert '"event": "defect"' in logged or '"event":"defect"' in logged
    assert "history.py" in logged
    assert "Secret" not in logged + response.json()["detail"]


def test_a_database_that_is_gone_is_503_and_comes_back(serve: Any) -> None:
    server = serve()
    with server as client:
        with server.app.state.serving.state.writing() as connection:
            connection.execute(text("ALTER TABLE events RENAME TO gone"))
        assert client.get("/v1/customers/x/churn").status_code == 503
        assert client.get("/v1/customers/x/churn").headers["retry-after"] == "1"
        with server.app.state.serving.state.writing() as connection:
            connection.execute(text("ALTER TABLE gone RENAME TO events"))
        assert client.get("/v1/customers/x/churn").status_code == 404


def test_keys_open_what_their_role_may(serve: Any, make_home: Any) -> None:
    home: Home = make_home()
    state = open_state(f"sqlite:///{home.database}")
    tokens = {role: keys.create(state, role, created_at=NOW) for role in keys.ROLES}
    state.close()
    with serve() as client:
        assert client.get("/readyz").json()["keys"] == "required"
        may = {
            role: [
                client.request(method, path, json=body, headers={"Authorization": f"Bearer {token}"}).status_code
                for method, path, body in ASKED
            ]
            for role, token in tokens.items()
        }
        assert may == {"app": [200, 403, 200], "crm": [200, 200, 200], "admin": [200, 200, 200]}
        for header in (
            {},
            {"Authorization": "Bearer nb_x_y"},
            {"Authorization": f"Basic {tokens['admin']}"},
            {"Authorization": f"Bearer {tokens['app']}x"},
        ):
            refused = client.get("/v1/models", headers=header)
            assert (refused.status_code, refused.headers["www-authenticate"]) == (401, "Bearer")
        assert client.get("/healthz").status_code == 200


ASKED = (
    ("POST", "/v1/decisions", {"customer_id": "x"}),
    ("GET", "/v1/customers/x/next-best-action", None),
    ("GET", "/v1/models", None),
)


def test_without_keys_only_the_name_of_this_machine_is_answered(client: httpx.Client) -> None:
    assert client.get("/v1/models", headers={"Host": "shop.example"}).status_code == 403
    assert client.get("/v1/models", headers={"Host": "localhost:8000"}).status_code == 200


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.5", "shop.example"])
def test_an_open_door_is_refused(make_home: Any, host: str) -> None:
    with pytest.raises(InputError, match="without a key"):
        create_app(ServingSettings(home=make_home().root, host=host))


def test_another_host_is_served_once_there_is_a_key(make_home: Any) -> None:
    home: Home = make_home()
    state = open_state(f"sqlite:///{home.database}")
    keys.create(state, "admin", created_at=NOW)
    state.close()
    create_app(ServingSettings(home=home.root, host="0.0.0.0")).state.serving.state.close()


def test_the_log_says_that_the_door_is_open_and_that_the_data_is_old(serve: Any) -> None:
    server = serve(as_of="")
    with server as client:
        assert client.get("/readyz").json()["clock"] == "wall"
    events = [json.loads(line)["event"] for line in server.stream.getvalue().splitlines()]
    assert {"open", "old_data", "serving"} <= set(events)


def test_latest_pins_the_clock_to_the_publication(serve: Any, tmp_path: Path) -> None:
    with serve(as_of="latest") as client:
        assert client.get("/readyz").json()["now"] == "2025-03-01T00:00:00"
    bare = open_home(tmp_path / "bare")
    migrate(f"sqlite:///{bare.database}")
    with pytest.raises(InputError, match="nextbest publish"):
        create_app(ServingSettings(home=bare.root, as_of="latest"))


def test_a_clock_before_the_models_leaves_them_out(serve: Any) -> None:
    with serve(as_of=datetime(2024, 12, 1)) as client:
        missing = client.get("/v1/models").json()["missing"]
    assert "after the pinned clock" in missing["churn"]


def test_a_damaged_model_is_left_out_and_named(serve: Any, make_home: Any) -> None:
    folder = make_home().champions / "churn"
    with (folder / "model.json").open("a") as file:
        file.write(" ")
    server = serve()
    with server as client:
        assert "not what was trained" in client.get("/v1/models").json()["missing"]["churn"]
        assert client.post("/v1/decisions", json={"customer_id": "x"}).status_code == 200
    assert "model_refused" in server.stream.getvalue()


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ({"port": "many"}, "NEXTBEST_PORT"),
        ({"port": 70000}, "NEXTBEST_PORT"),
        ({"as_of": "soon"}, "NEXTBEST_AS_OF"),
        ({"holdout_share": 2}, "NEXTBEST_HOLDOUT_SHARE"),
        ({"currency": "euro"}, "NEXTBEST_CURRENCY"),
    ],
)
def test_a_setting_that_cannot_be_used_is_named(given: dict[str, Any], named: str) -> None:
    with pytest.raises(InputError, match=named):
        load_settings(**given)


def test_settings_come_from_the_environment_and_keep_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NEXTBEST_DATABASE_URL", "postgresql+psycopg://shop:s3cret@db/nextbest")
    monkeypatch.setenv("NEXTBEST_AS_OF", "2011-11-09T07:00:00+07:00")
    settings = load_settings()
    assert "s3cret" not in repr(settings)
    assert settings.as_of == datetime(2011, 11, 9)


def test_the_process_that_serves_imports_no_training_machinery(make_home: Any) -> None:
    home: Home = make_home()
    asked = f"""
import sys
from pathlib import Path
import serving.run
from serving.settings import ServingSettings
app = serving.run.create_app(ServingSettings(home=Path({str(home.root)!r})))
print(sorted(app.state.serving.champions.cards), [name for name in {FORBIDDEN!r} if name in sys.modules])
"""
    done = subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "['affinity', 'churn', 'response', 'value'] []"


def test_the_log_is_one_json_object_a_line() -> None:
    stream = StringIO()
    log = Log(stream)
    log.info("hello", name="Huế", path=Path("a"))
    log.error("defect", why="two\nlines")
    first, second = (json.loads(line) for line in stream.getvalue().splitlines())
    at = first.pop("timestamp")
    assert at.endswith("Z")
    assert abs(datetime.fromisoformat(at) - datetime.now(UTC)) < timedelta(minutes=5)
    assert first == {"event": "hello", "level": "info", "name": "Huế", "path": "a"}
    assert (second["level"], second["why"]) == ("error", "two\nlines")


class SmallDisk(StringIO):
    """A stream to a disk that is full while it is told so."""

    full = False

    def write(self, text: str) -> int:
        if self.full:
            raise OSError(errno.ENOSPC, "No space left on device")
        return super().write(text)


def test_a_log_that_cannot_be_written_fails_no_request_and_tells_how_much_is_missing(serve_rules: Any) -> None:
    disk = SmallDisk()
    with serve_rules("{margin_share: 0.3, actions: []}", stream=disk) as client:
        assert client.get("/v1/models").status_code == 200
        disk.full = True
        for _ in range(3):
            assert client.get("/v1/models").status_code == 200
        disk.full = False
        assert client.get("/v1/models").status_code == 200
    told = [json.loads(line) for line in disk.getvalue().splitlines()]
    assert [line["lines"] for line in told if line["event"] == "log_interrupted"] == [3]
    assert "No space left" in next(line["why"] for line in told if line["event"] == "log_interrupted")
    assert sum(line["event"] == "request" for line in told) == 2
