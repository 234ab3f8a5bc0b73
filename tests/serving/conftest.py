"""A migrated state database on each dialect, a simulated shop served over HTTP, and the command as a person runs it."""

import shutil
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from io import StringIO
from pathlib import Path
from typing import Any

import httpx
import pandas as pd
import pytest
import uvicorn

from decisions.simulator import simulate
from features import batch
from features.contacts import contact_history, response_table
from features.cutoffs import panel as panel_cutoffs
from features.engine import Tables, tables_from_frames
from features.histories import histories
from features.home import Home, open_home
from features.interactions import interactions
from features.journey import levels, load_stages
from features.own_rows import ShopFacts
from features.products import known_products
from features.profiles import consents, profiles
from features.training_sets import churn_panel
from serving.app import create_app
from serving.cli.main import main
from serving.log import Log
from serving.publishing import publish
from serving.settings import ServingSettings
from serving.state.database import State, open_state
from serving.state.migrate import migrate
from training.affinity.backtest import run_backtest
from training.affinity.history import encode
from training.affinity.model import AffinityModel
from training.artifacts import stamp
from training.churn import ChurnModel
from training.export import link_version
from training.response import ResponseModel
from training.trained import Saved
from training.value import ValueModel


@pytest.fixture
def state(empty_database: str) -> Iterator[State]:
    """An open state database with the newest schema."""
    migrate(empty_database)
    opened = open_state(empty_database)
    yield opened
    opened.close()


MONTHS = 14
NOW = datetime(2025, 3, 1)
HORIZON_DAYS = 30


@dataclass(frozen=True)
class Known:
    """A simulated shop and what the rooms before serving make of it."""

    tables: Tables
    frame: pd.DataFrame
    models: Path


def _affinity(tables: Tables) -> AffinityModel:
    """What `nextbest train affinity` learns."""
    bought = interactions(tables, NOW)
    tried = run_backtest(encode(bought), NOW, threads=1)
    return AffinityModel(tried.orders, tried.half_lives, tried.sources, threads=1).fit(bought, as_of=NOW)


@pytest.fixture(scope="session")
def known(tmp_path_factory: pytest.TempPathFactory) -> Known:
    """250 customers over 14 months, with churn, value and response models trained on them as of NOW."""
    shop = simulate(customers=250, months=MONTHS, seed=3, start=datetime(2024, 1, 1))
    named = shop.tables["orders"].dropna(subset="customer_id")  # as ingest leaves them
    tables = tables_from_frames({**shop.tables, "orders": named})
    panel = churn_panel(tables, panel_cutoffs(datetime(2024, 1, 1), NOW, HORIZON_DAYS, most=3), HORIZON_DAYS)
    frame = batch.features(tables, [NOW])
    models = tmp_path_factory.mktemp("models")
    fitted: dict[str, Saved] = {
        "churn": ChurnModel(threads=1).fit(panel, as_of=NOW, horizon_days=HORIZON_DAYS),
        "value": ValueModel(threads=1).fit(panel, as_of=NOW, horizon_days=HORIZON_DAYS),
        "affinity": _affinity(tables),
        "response": ResponseModel().fit(response_table(tables, NOW), {}, as_of=NOW),
    }
    for kind, model in fitted.items():
        folder = models / "fitted" / kind
        folder.mkdir(parents=True)
        model.save(folder)
        stamp(folder, "1")
        link_version(folder, models, kind, "1")
    return Known(tables, frame, models)


@pytest.fixture(scope="session")
def published(known: Known, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A SQLite database with the simulated shop, published as of NOW; to be copied."""
    path = tmp_path_factory.mktemp("published") / "state.db"
    _publish(known, f"sqlite:///{path}")
    return path


@pytest.fixture
def make_home(known: Known, published: Path, tmp_path: Path) -> Callable[..., Home]:
    """Makes a home whose database (SQLite there unless told) holds the simulated shop."""

    filled: set[str] = set()

    def make(url: str = "", *, champions: bool = True) -> Home:
        home = open_home(tmp_path / "home")
        if champions and not home.champions.exists():
            shutil.copytree(known.models, home.champions, symlinks=True, ignore=shutil.ignore_patterns("fitted"))
        if url.startswith("postgresql") and url not in filled:
            _publish(known, url)
        elif url not in filled:
            shutil.copy(published, url.removeprefix("sqlite:///") or home.database)
        filled.add(url)
        return home

    return make


def _publish(known: Known, url: str) -> None:
    migrate(url)
    opened = open_state(url)
    publish(
        opened,
        as_of=NOW,
        histories=histories(known.tables, NOW),
        profiles=profiles(known.tables),
        consents=consents(known.tables),
        contacts=contact_history(known.tables, NOW),
        products=known.tables.products.to_pandas(),
        shop=ShopFacts(known_products(known.tables), known.tables.timezone),
        levels=levels(known.frame, load_stages()),
    )
    opened.close()


class Server:
    """A real server in a thread, asked over HTTP."""

    def __init__(self, settings: ServingSettings, stream: StringIO | None = None) -> None:
        self.stream = stream or StringIO()
        self.app = create_app(settings, log=Log(self.stream))
        self._server = uvicorn.Server(uvicorn.Config(self.app, log_config=None, access_log=False, lifespan="on"))
        self._socket = socket.create_server(("127.0.0.1", 0))
        self._thread = threading.Thread(target=self._server.run, kwargs={"sockets": [self._socket]})

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._socket.getsockname()[1]}"

    def __enter__(self) -> httpx.Client:
        self._thread.start()
        while not self._server.started:
            time.sleep(0.005)
        self.client = httpx.Client(base_url=self.url, timeout=30)
        return self.client

    def __exit__(self, *_: object) -> None:
        self.client.close()
        self._server.should_exit = True
        self._thread.join()
        self._socket.close()


def settings_of(home: Home, url: str = "", **given: Any) -> ServingSettings:
    return ServingSettings(home=home.root, database_url=url, **{"as_of": NOW, "holdout_share": 0.0, **given})


@pytest.fixture
def serve(make_home: Callable[..., Home]) -> Callable[..., Server]:
    """Serves the simulated shop: `with serve() as client`."""

    def make(url: str = "", *, champions: bool = True, **given: Any) -> Server:
        return Server(settings_of(make_home(url, champions=champions), url, **given))

    return make


@pytest.fixture
def serve_home() -> Callable[..., Server]:
    """Serves what is in this home and this database: `with serve_home(root, url) as client`."""
    return lambda root, url="", **given: Server(settings_of(open_home(root), url, **given))


@pytest.fixture
def serve_rules(tmp_path: Path) -> Callable[..., Server]:
    """Serves a shop of which nothing is known yet, under this catalogue and these limits: `with serve_rules(catalogue, limits, url) as client`."""

    def make(catalogue: str, limits: str = "{}", url: str = "", *, stream: StringIO | None = None, **given: Any) -> Server:
        home = open_home(tmp_path / "home")
        (home.config / "catalogue.yaml").write_text(catalogue, encoding="utf-8")
        (home.config / "limits.yaml").write_text(limits, encoding="utf-8")
        migrate(url or f"sqlite:///{home.database}")
        return Server(settings_of(home, url, **{"random_share": 0.0, **given}), stream)

    return make


@pytest.fixture
def client(serve: Callable[..., Server]) -> Iterator[httpx.Client]:
    """The simulated shop on SQLite."""
    with serve() as opened:
        yield opened


@pytest.fixture
def client_on_each(serve: Callable[..., Server], empty_database: str) -> Iterator[httpx.Client]:
    """The simulated shop on each database."""
    with serve(empty_database) as opened:
        yield opened


@dataclass(frozen=True)
class Ended:
    """How a command ended."""

    code: int
    out: str
    err: str


Run = Callable[..., Ended]


@pytest.fixture
def nextbest(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Run:
    """Runs `nextbest --home tmp_path/home ...` in this process."""

    def run(*arguments: object, home: Path | None = None) -> Ended:
        monkeypatch.setattr(sys, "argv", ["nextbest", "--home", str(home or tmp_path / "home"), *(str(a) for a in arguments)])
        with pytest.raises(SystemExit) as ended:
            main()
        code = ended.value.code
        said = capsys.readouterr()
        return Ended(code if isinstance(code, int) else 0, said.out, said.err)

    return run
