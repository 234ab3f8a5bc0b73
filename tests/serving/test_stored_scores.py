"""A published score is answered as it stands exactly while it holds, and is then what the models would say."""

import shutil
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pandas as pd
import pytest
from sqlalchemy import text

from features.contacts import contact_history
from features.histories import histories
from features.home import open_home
from features.journey import levels, load_stages
from features.own_rows import ShopFacts
from features.products import known_products
from features.profiles import consents, profiles
from serving.auth import REFRESH_SECONDS
from serving.publishing import publish
from serving.state import keys
from serving.state.database import open_state
from serving.state.migrate import migrate
from serving.state.score_reader import NAMES
from serving.wire.churn import Churn
from training.artifacts import stamp
from training.bands import load_bands
from training.churn import ChurnModel
from training.export import link_version
from training.score import Groups, churn_scores_with_reasons
from training.segments.personas import PersonaModel
from training.segments.rfm import rfm_edges
from training.value import ValueModel

NOW = datetime(2025, 3, 1)
DAY = timedelta(days=1)


@dataclass(frozen=True)
class Shop:
    """A home with models, and everybody's scores by them as of NOW."""

    home: Path
    known: Any
    scores: pd.DataFrame

    def publish(self, url: str, scores: pd.DataFrame | None = None) -> None:
        migrate(url)
        state = open_state(url)
        tables = self.known.tables
        publish(
            state,
            as_of=NOW,
            histories=histories(tables, NOW),
            profiles=profiles(tables),
            consents=consents(tables),
            contacts=contact_history(tables, NOW),
            products=tables.products.to_pandas(),
            shop=ShopFacts(known_products(tables), tables.timezone),
            levels=levels(self.known.frame, load_stages()),
            rfm=rfm_edges(self.known.frame),
            currency="EUR",
            scores=self.scores if scores is None else scores,
        )
        state.close()


@pytest.fixture(scope="module")
def shop(known: Any, tmp_path_factory: pytest.TempPathFactory) -> Shop:
    home = open_home(tmp_path_factory.mktemp("scored") / "home")
    shutil.copytree(known.models, home.champions, symlinks=True, ignore=shutil.ignore_patterns("fitted"), dirs_exist_ok=True)
    churn, value = ChurnModel.load(known.models / "churn"), ValueModel.load(known.models / "value")
    groups = Groups(personas=PersonaModel().fit(known.frame, as_of=NOW))
    scores = churn_scores_with_reasons(known.tables, churn, value, NOW, load_bands(), load_stages(), groups=groups)
    assert groups.personas is not None
    folder = tmp_path_factory.mktemp("personas")
    groups.personas.save(folder)
    stamp(folder, "1")
    link_version(folder, home.champions, "personas", "1")
    return Shop(home.root, known, scores)


@pytest.fixture
def url(shop: Shop, empty_database: str) -> str:
    shop.publish(empty_database)
    return empty_database


@pytest.fixture
def asked(shop: Shop, url: str, serve_home: Any) -> Callable[..., dict[str, Any]]:
    """The answer about one customer from a new server, at a time."""

    def ask(customer_id: str, *, as_of: datetime = NOW, query: str = "") -> dict[str, Any]:
        with serve_home(shop.home, url, as_of=as_of) as client:
            answer: dict[str, Any] = client.get(f"/v1/customers/{customer_id}/churn{query}").json()
        return answer

    return ask


@pytest.fixture
def client(shop: Shop, url: str, serve_home: Any) -> Iterator[httpx.Client]:
    with serve_home(shop.home, url) as opened:
        yield opened


def a_customer(shop: Shop) -> str:
    """One with reasons, and without doubts."""
    fitting = shop.scores[shop.scores["reasons"].map(len).gt(1) & ~shop.scores["insufficient_data"]]
    return str(fitting["customer_id"].iloc[0])


def churn_of(client: httpx.Client, customer_id: str, query: str = "") -> dict[str, Any]:
    answer = client.get(f"/v1/customers/{customer_id}/churn{query}")
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def test_the_bytes_are_those_of_the_documented_answer(shop: Shop, client: httpx.Client) -> None:
    assert tuple(NAMES) == tuple(Churn.model_fields)
    for customer_id in shop.scores["customer_id"]:
        body = client.get(f"/v1/customers/{customer_id}/churn")
        assert body.headers["Content-Type"] == "application/json"
        read = Churn.model_validate_json(body.content, strict=True)
        assert read.model_dump(mode="json") == body.json()
        assert read.source == "published"


def test_the_published_answer_is_what_the_models_say_at_that_time(shop: Shop, url: str, client: httpx.Client) -> None:
    published = {who: churn_of(client, who) for who in shop.scores["customer_id"][::3]}
    state = open_state(url)
    with state.writing() as connection:
        connection.execute(text("UPDATE published_scores SET reasons = NULL"))  # without reasons nothing is answered as it stands
    state.close()
    for who, stored in published.items():
        live = churn_of(client, who)
        assert (stored.pop("source"), live.pop("source")) == ("published", "model")
        assert set(stored) == set(live)
        for name, value in live.items():
            if isinstance(value, float):
                assert stored[name] == pytest.approx(value, rel=1e-6, abs=1e-9), (who, name)
            else:
                assert stored[name] == value, (who, name)


def test_whoever_is_known_by_little_is_told_why(shop: Shop, client: httpx.Client) -> None:
    doubtful = shop.scores[shop.scores["insufficient_data"]]
    assert len(doubtful)
    for who, why in zip(doubtful["customer_id"], doubtful["why"], strict=True):
        answer = churn_of(client, who)
        assert (answer["source"], answer["insufficient_data"], answer["why"]) == ("published", True, why)
    assert churn_of(client, a_customer(shop))["why"] is None


def test_reasons_are_told_in_both_languages(shop: Shop, client: httpx.Client) -> None:
    who = a_customer(shop)
    (reasons,) = shop.scores.loc[shop.scores["customer_id"] == who, "reasons"]
    told = {locale: churn_of(client, who, f"?locale={locale}")["reasons"] for locale in ("en", "vi")}
    assert told == {locale: [reason.sentence(locale, currency="EUR") for reason in reasons] for locale in ("en", "vi")}
    assert told["en"] != told["vi"]
    assert churn_of(client, who)["reasons"] == told["en"]
    assert client.get(f"/v1/customers/{who}/churn?locale=fr").status_code == 422


def test_live_reasons_are_told_in_both_languages(shop: Shop, asked: Any) -> None:
    who, later = a_customer(shop), NOW + timedelta(days=2)
    told = {locale: asked(who, as_of=later, query=f"?locale={locale}") for locale in ("en", "vi")}
    assert {answer["source"] for answer in told.values()} == {"model"}
    assert len(told["en"]["reasons"]) == len(told["vi"]["reasons"]) > 0
    assert not set(told["en"]["reasons"]) & set(told["vi"]["reasons"])


def _order(who: str) -> tuple[str, str, dict[str, Any]]:
    lines = [{"product_id": "tea", "unit_price": 3}]
    return "POST", "/v1/orders", {"order_id": "new", "customer_id": who, "ordered_at": "2025-02-28T12:00:00", "lines": lines}


def _event(who: str) -> tuple[str, str, dict[str, Any]]:
    return "POST", "/v1/events", {"event_id": "e", "customer_id": who, "event_type": "page_view", "occurred_at": "2025-02-28T12:00:00"}


def _profile(who: str) -> tuple[str, str, dict[str, Any]]:
    return "PUT", f"/v1/customers/{who}", {"city": "Huế"}


def _decision(who: str) -> tuple[str, str, dict[str, Any]]:
    return "POST", "/v1/decisions", {"customer_id": who}


@pytest.mark.parametrize("posted", [_order, _event, _profile, _decision])
def test_what_is_posted_counts_at_once(posted: Any, shop: Shop, client: httpx.Client) -> None:
    who, other = a_customer(shop), str(shop.scores["customer_id"].iloc[-1])
    assert churn_of(client, who)["source"] == "published"
    method, path, body = posted(who)
    answer = client.request(method, path, json=body)
    assert answer.is_success, answer.text
    if posted is _decision and not any(action["channel"] for action in answer.json()["actions"]):
        pytest.skip("nobody was contacted")
    assert churn_of(client, who)["source"] == "model"
    assert churn_of(client, other)["source"] == "published"


def test_a_posted_order_changes_the_answer(shop: Shop, client: httpx.Client) -> None:
    who = a_customer(shop)
    before = churn_of(client, who)
    client.post("/v1/orders", json=_order(who)[2])
    after = churn_of(client, who)
    assert after["historic_value"] == pytest.approx(before["historic_value"] + 3)


def test_who_orders_after_a_long_silence_is_in_another_segment_at_once(shop: Shop, client: httpx.Client) -> None:
    gone = shop.scores[shop.scores["segment"].isin(["lost", "hibernating", "at risk", "can't lose them"])]
    who = str(gone["customer_id"].iloc[0])
    client.post("/v1/orders", json=_order(who)[2])
    assert churn_of(client, who)["segment"] in ("champions", "loyal", "potential loyalists")


def test_without_a_persona_model_the_published_persona_is_told(shop: Shop, url: str, tmp_path: Path, serve_home: Any) -> None:
    home = open_home(tmp_path / "home")
    shutil.copytree(shop.home / "champions", home.champions, symlinks=True, dirs_exist_ok=True)
    (home.champions / "personas").unlink()
    who = a_customer(shop)
    with serve_home(home.root, url, as_of=NOW + 2 * DAY) as client:
        answer = churn_of(client, who)
    assert answer["source"] == "model"
    assert answer["persona"] == shop.scores.set_index("customer_id").loc[who, "persona"]


def test_segments_are_those_of_the_homes_own_rules(shop: Shop, url: str, tmp_path: Path, serve_home: Any) -> None:
    home = open_home(tmp_path / "home")
    shutil.copytree(shop.home / "champions", home.champions, symlinks=True, dirs_exist_ok=True)
    home.config.mkdir(exist_ok=True)
    (home.config / "segments.yaml").write_text("segments: [{segment: regulars, when: order_day_count > 3}, {segment: visitors}]")
    with serve_home(home.root, url, as_of=NOW + 2 * DAY) as client:
        days = shop.known.frame.set_index("customer_id")["order_day_count"]
        for who in shop.scores["customer_id"][:20]:
            assert churn_of(client, who)["segment"] == ("regulars" if days[who] > 3 else "visitors" if days[who] > 0 else "no purchase")
        assert client.get("/v1/churn?segment=regulars").json()["total"] == 0, "nobody was published as one"
        assert client.get("/v1/churn?segment=none").status_code == 422


def test_many_live_answers_are_the_single_ones_and_the_models_are_asked_once(
    shop: Shop, url: str, serve_home: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked, predict = [], ChurnModel.predict

    def watched(model: ChurnModel, features: Any) -> Any:
        asked.append(len(features))
        return predict(model, features)

    monkeypatch.setattr(ChurnModel, "predict", watched)
    ids = [*shop.scores["customer_id"][:60]]
    with serve_home(shop.home, url, as_of=NOW + 2 * DAY) as client:
        client.post("/v1/orders", json=_order(ids[3])[2])
        client.post("/v1/events", json=_event("looker")[2])
        together = client.post("/v1/churn:query", json={"customer_ids": [*ids, "looker", "nobody"]}).json()
        assert asked == [len(ids)]
        single = [churn_of(client, who) for who in [*ids, "looker"]]
    assert together["unknown"] == ["nobody"]
    assert [each["source"] for each in single] == ["model"] * len(ids) + ["none"]
    for many, one in zip(together["customers"], single, strict=True):
        assert {name: pytest.approx(value, rel=1e-12) if isinstance(value, float) else value for name, value in one.items()} == many


def test_money_is_told_in_the_homes_currency_everywhere(client: httpx.Client) -> None:
    listed = {each["customer_id"]: each["reasons"] for each in client.get("/v1/churn?limit=1000").json()["customers"]}
    who = next(customer_id for customer_id, reasons in listed.items() if any("EUR" in reason for reason in reasons))
    assert churn_of(client, who)["reasons"] == listed[who]
    client.put(f"/v1/customers/{who}", json={"nickname": "x"})
    live = churn_of(client, who)
    assert (live["source"], live["reasons"]) == ("model", listed[who])
    assert "; ".join(listed[who]) in client.get("/v1/churn?format=csv").text


@pytest.mark.parametrize(
    ("later", "source"),
    [(timedelta(0), "published"), (DAY, "published"), (DAY + timedelta(microseconds=1), "model"), (-timedelta(microseconds=1), "model")],
)
def test_a_score_holds_for_a_day_and_never_before_its_time(later: timedelta, source: str, shop: Shop, asked: Any) -> None:
    answer = asked(a_customer(shop), as_of=NOW + later)
    assert answer["source"] == (source if later >= timedelta(0) else "none")
    if source == "published":
        assert answer["as_of"] == NOW.isoformat()


def test_a_score_of_another_model_than_the_one_in_use_is_not_told(shop: Shop, empty_database: str, serve_home: Any) -> None:
    shop.publish(empty_database, shop.scores.assign(model_version="0"))
    with serve_home(shop.home, empty_database) as client:
        answer = churn_of(client, a_customer(shop))
    assert (answer["source"], answer["model_version"]) == ("model", "1")


def test_without_a_model_the_published_score_is_told_even_when_it_is_old(shop: Shop, url: str, tmp_path: Path, serve_home: Any) -> None:
    who = a_customer(shop)
    with serve_home(tmp_path / "bare", url, as_of=NOW + 5 * DAY) as client:
        old = churn_of(client, who, "?locale=vi")
    with serve_home(tmp_path / "bare", url) as client:
        new = churn_of(client, who, "?locale=vi")
    assert (old["source"], old["as_of"], old["reasons"]) == (new["source"], new["as_of"], new["reasons"])
    assert old["source"] == "published"


def test_somebody_unknown_is_a_404_and_an_id_that_is_none_a_422(client: httpx.Client) -> None:
    answer = client.get("/v1/customers/nobody/churn")
    assert (answer.status_code, answer.json()["type"]) == (404, "urn:nextbest:problem:unknown-customer")
    assert client.get(f"/v1/customers/{'x' * 201}/churn").status_code == 422
    assert client.get("/v1/customers/a%00b/churn").status_code == 422


def test_a_stored_answer_asks_for_a_key_too(shop: Shop, url: str, serve_home: Any) -> None:
    state = open_state(url)
    tokens = {role: keys.create(state, role, created_at=NOW) for role in ("app", "crm", "admin")}
    state.close()
    path = f"/v1/customers/{a_customer(shop)}/churn"
    with serve_home(shop.home, url) as client:
        assert client.get(path).status_code == 401
        assert client.get(path, headers={"Authorization": f"Bearer {tokens['crm']}x"}).status_code == 401
        assert client.get(path, headers={"Authorization": f"Basic {tokens['crm']}"}).status_code == 401
        status = {role: client.get(path, headers={"Authorization": f"Bearer {token}"}).status_code for role, token in tokens.items()}
        assert client.get(path, headers={"Authorization": f"bearer  {tokens['crm']}"}).json()["source"] in ("published", "model")
    assert status == {"app": 403, "crm": 200, "admin": 200}


def test_a_key_that_is_gone_is_noticed_by_stored_answers(shop: Shop, url: str, serve_home: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    state = open_state(url)
    headers = {"Authorization": f"Bearer {keys.create(state, 'crm', created_at=NOW)}"}
    path = f"/v1/customers/{a_customer(shop)}/churn"
    with serve_home(shop.home, url) as client:
        assert client.get(path, headers=headers).status_code == 200
        with state.writing() as connection:
            connection.execute(text("DELETE FROM api_keys"))
        monkeypatch.setattr("serving.auth.REFRESH_SECONDS", -1.0)
        assert REFRESH_SECONDS > 0
        assert client.get(path, headers=headers).status_code == 401
    state.close()


def test_an_open_server_tells_stored_answers_to_no_page_of_another_site(shop: Shop, client: httpx.Client) -> None:
    path = f"/v1/customers/{a_customer(shop)}/churn"
    assert client.get(path, headers={"Origin": "https://elsewhere.example"}).status_code == 403
    assert client.get(path, headers={"Host": "elsewhere.example"}).status_code == 403
    assert client.get(path, headers={"Origin": "http://localhost:3000"}).status_code == 200


def test_many_may_ask_at_once(shop: Shop, url: str, serve_home: Any) -> None:
    wanted = [*shop.scores["customer_id"]]
    with serve_home(shop.home, url) as client, ThreadPoolExecutor(24) as pool:
        found = list(pool.map(lambda who: churn_of(client, who), wanted))
    assert [each["customer_id"] for each in found] == wanted
    assert {each["source"] for each in found} == {"published"}


def test_a_request_is_counted_and_logged_by_its_route(shop: Shop, url: str, serve_home: Any) -> None:
    server = serve_home(shop.home, url)
    with server as client:
        for who in shop.scores["customer_id"][:3]:
            churn_of(client, who)
        told = client.get("/metrics").text
    assert 'nextbest_requests_total{method="GET",route="/v1/customers/{customer_id}/churn",status="200"} 3.0' in told
    assert server.stream.getvalue().count('"route":"/v1/customers/{customer_id}/churn"') == 3


def test_a_new_publication_is_seen_at_once(shop: Shop, url: str, client: httpx.Client) -> None:
    who = a_customer(shop)
    churn_of(client, who)
    shop.publish(url, shop.scores.assign(churn_probability=0.125))
    assert churn_of(client, who)["churn_probability"] == 0.125


def test_a_lost_connection_is_made_anew(shop: Shop, url: str, client: httpx.Client) -> None:
    who = a_customer(shop)
    if not url.startswith("postgresql"):
        pytest.skip("SQLite has no connection to lose")
    assert churn_of(client, who)["source"] == "published"
    state = open_state(url)
    others = "query LIKE '%published_scores%' AND pid <> pg_backend_pid()"
    with state.writing() as connection:
        assert connection.execute(text(f"SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE {others}")).scalar_one() > 0
    state.close()
    told = [churn_of(client, who)["source"] for _ in range(3)]
    assert told[-1] == "published"  # the first may have gone the long way
