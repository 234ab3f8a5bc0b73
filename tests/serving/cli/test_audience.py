"""`nextbest audience` records whom it gives away, once, within limits and budgets, and says who is not in it."""

import csv
import json
import os
import stat
import threading
from collections import Counter
from datetime import UTC, datetime, timedelta
from hashlib import sha256

import pandas as pd
import pytest
from sqlalchemy import select

from decisions.audience import AudienceAsk
from decisions.limits import DEFAULT_LIMITS
from features.home import config_file
from serving.audience_export import Export, newest_row
from serving.audience_rows import email_hash, international
from serving.bulk import desk_at
from serving.settings import ServingSettings
from serving.state import decisions
from serving.state.customers import put_consent, put_profile
from serving.state.database import State, open_state
from serving.state.tables import BUDGETS, CONTACTS, DECISIONS, EVENTS, POLICIES

LONG = pytest.mark.skipif("NEXTBEST_LONG" not in os.environ, reason="takes minutes; make test-long runs it")
NOW = datetime(2025, 3, 1)
ACTION, OTHER = "personal_recommendations", "winback_offer"
ASKED = ("audience", "--channel", "email", "--action", ACTION)


@pytest.fixture
def home(make_home, monkeypatch):
    monkeypatch.setenv("NEXTBEST_HOLDOUT_SHARE", "0.1")
    return make_home()


@pytest.fixture
def home_on_each(make_home, monkeypatch, empty_database):
    monkeypatch.setenv("NEXTBEST_HOLDOUT_SHARE", "0.1")
    monkeypatch.setenv("NEXTBEST_DATABASE_URL", empty_database)
    return make_home(empty_database), empty_database


def rows(path):
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def stored(url, *columns):
    state = open_state(url)
    with state.reading() as connection:
        found = [tuple(row) for row in connection.execute(select(*columns))]
    state.close()
    return found


def test_members_are_recorded_once_and_the_file_is_the_same_again(nextbest, home_on_each, tmp_path):
    _, url = home_on_each
    first = nextbest(*ASKED, "--output", tmp_path / "a.ndjson", "--json")
    assert first.code == 0, first.err
    told, found = json.loads(first.out), rows(tmp_path / "a.ndjson")
    assert told["members"] == told["recorded"] == len(found) > 20
    assert told["considered"] == 250 == len(found) + sum(each["customers"] for each in told["outside"])
    assert {"no_action_group", "gate", "another_action"} == {each["why"] for each in told["outside"]}
    kept = stored(
        url, DECISIONS.c.decision_id, DECISIONS.c.customer_id, DECISIONS.c.action_id, DECISIONS.c.action_probability, DECISIONS.c.decided_at
    )
    assert sorted(kept) == sorted((each["decision_id"], each["customer_id"], ACTION, each["action_probability"], NOW) for each in found)
    assert sorted(stored(url, CONTACTS.c.subject_id, CONTACTS.c.channel)) == sorted((each["customer_id"], "email") for each in found)
    assert len(stored(url, POLICIES.c.policy_version)) == 1

    again = json.loads(nextbest(*ASKED, "--output", tmp_path / "b.ndjson", "--json").out)
    assert (tmp_path / "a.ndjson").read_bytes() == (tmp_path / "b.ndjson").read_bytes()
    assert (again["recorded"], again["already"]) == (0, len(found))
    assert len(stored(url, DECISIONS.c.decision_id)) == len(found)


@LONG
def test_audiences_of_one_time_share_nobody(nextbest, home, tmp_path):
    whole = {}
    for action in (ACTION, OTHER, "replenishment_reminder"):
        assert nextbest("audience", "--action", action, "--output", tmp_path / f"{action}.ndjson").code == 0
        whole[action] = [each["customer_id"] for each in rows(tmp_path / f"{action}.ndjson")]
    assert max(Counter(who for theirs in whole.values() for who in theirs).values()) == 1
    assert sum(map(len, whole.values())) > len(whole[ACTION]) > 20
    assert Counter(who for (who,) in stored(f"sqlite:///{home.database}", CONTACTS.c.subject_id)) == Counter(
        who for theirs in whole.values() for who in theirs
    )


@LONG
@pytest.mark.usefixtures("home")
def test_who_was_contacted_rests_the_next_day(nextbest, tmp_path):
    nextbest(*ASKED, "--output", tmp_path / "a.ndjson")
    ended = nextbest(*ASKED, "--as-of", "2025-03-02", "--output", tmp_path / "b.ndjson", "--json")
    assert not {each["customer_id"] for each in rows(tmp_path / "a.ndjson")} & {each["customer_id"] for each in rows(tmp_path / "b.ndjson")}
    assert {"cooldown", "contact_limit"} & {each["code"] for each in json.loads(ended.out)["outside"]}


@LONG
@pytest.mark.usefixtures("home")
def test_looking_back_past_a_contact_is_refused_unless_nothing_is_recorded(nextbest, tmp_path):
    nextbest(*ASKED, "--limit", 1, "--output", tmp_path / "a.ndjson")
    ended = nextbest(*ASKED, "--as-of", "2025-02-28", "--output", tmp_path / "b.ndjson")
    assert ended.code == 2
    assert "Customers were contacted up to 2025-03-01 00:00" in ended.err
    assert not (tmp_path / "b.ndjson").exists()


def test_a_dry_run_records_nothing_and_says_so(nextbest, home, tmp_path):
    ended = nextbest(*ASKED, "--dry-run", "--output", tmp_path / "tried.csv")
    assert "Nothing is recorded" in ended.out
    assert stored(f"sqlite:///{home.database}", DECISIONS.c.decision_id) == []
    nextbest(*ASKED, "--output", tmp_path / "sent.csv")
    assert (tmp_path / "tried.csv").read_bytes() == (tmp_path / "sent.csv").read_bytes()


@LONG
@pytest.mark.usefixtures("home")
def test_a_limit_is_the_beginning_of_the_whole_and_grows(nextbest, tmp_path):
    ended = nextbest(*ASKED, "--limit", 3, "--output", tmp_path / "few.ndjson")
    assert "It ends after 3 members" in ended.out
    told = json.loads(nextbest(*ASKED, "--limit", 5, "--output", tmp_path / "more.ndjson", "--json").out)
    assert (told["members"], told["recorded"], told["already"]) == (5, 2, 3)
    assert rows(tmp_path / "more.ndjson")[:3] == rows(tmp_path / "few.ndjson")
    assert told["considered"] < 250


def with_budget(home, contacts):
    path = config_file(home, DEFAULT_LIMITS)
    path.write_text(f"budgets: {{{ACTION}: {{per: month, contacts: {contacts}}}}}\n", encoding="utf-8")


def test_a_budget_is_taken_from_and_never_exceeded(nextbest, home_on_each, tmp_path):
    home, url = home_on_each
    with_budget(home, 7)
    told = json.loads(nextbest(*ASKED, "--output", tmp_path / "a.ndjson", "--json").out)
    assert told["recorded"] == 7
    assert "budget" in {each["code"] for each in told["outside"]}
    assert stored(url, BUDGETS.c.action_id, BUDGETS.c.contacts) == [(ACTION, 7)]
    nextbest(*ASKED, "--output", tmp_path / "b.ndjson")
    assert (tmp_path / "a.ndjson").read_bytes() == (tmp_path / "b.ndjson").read_bytes()
    assert stored(url, BUDGETS.c.contacts) == [(7,)]


class Meanwhile(State):
    """A database in which something else happens just before the first write."""

    def __init__(self, state, happens):
        super().__init__(state.engine)
        object.__setattr__(self, "happens", [happens])

    def write(self, job, *, weight=1):
        if self.happens:
            self.happens.pop()()
        return super().write(job, weight=weight)


def exported(state, home, **given):
    desk = desk_at(ServingSettings(home=home.root, holdout_share=0.0), NOW, lambda _: None)
    export = Export(state, desk, AudienceAsk(ACTION, NOW, "email"), **given)
    return [each for part in export.members() for each in part], export.tally


def test_who_is_contacted_in_between_is_decided_about_anew(home):
    state = open_state(f"sqlite:///{home.database}")
    before, _ = exported(state, home, records=False)
    chosen = [each.customer_id for each in before[:3]]

    def contact():
        for who in chosen:
            row = {"decision_id": f"x-{who}", "rank": 1, "subject_id": who, "action_id": ACTION, "channel": "email", "decided_at": NOW}
            with state.writing() as connection:
                connection.execute(CONTACTS.insert(), [row])

    found, tally = exported(Meanwhile(state, contact), home)
    assert [each.customer_id for each in found] == [each.customer_id for each in before[3:]]
    assert tally.again == {"contacted": 3}
    assert sum(count for each, count in tally.outside.items() if each.code == "cooldown") >= 3
    with state.reading() as connection:
        assert decisions.contact_counts(connection, chosen) == dict.fromkeys(chosen, 1)
    state.close()


def test_a_budget_that_runs_out_in_between_leaves_out_the_last(home):
    with_budget(home, 12)
    state = open_state(f"sqlite:///{home.database}")
    before, _ = exported(state, home, records=False)

    def spend():
        with state.writing() as connection:
            connection.execute(BUDGETS.insert(), [{"action_id": ACTION, "period_start": NOW, "contacts": 8, "money_millionths": 0}])

    found, tally = exported(Meanwhile(state, spend), home)
    assert [each.customer_id for each in found] == [each.customer_id for each in before[:4]]
    assert tally.again == {"exhausted": 12}
    assert tally.considered == 250 == len(found) + tally.outside.total()
    state.close()


@LONG
def test_exports_at_once_share_nobody(home_on_each):
    home, url = home_on_each
    state = open_state(url)
    found, start = {}, threading.Barrier(2)

    settings = ServingSettings(home=home.root, database_url=url, holdout_share=0.0)
    deciders = {action: desk_at(settings, NOW, lambda _: None) for action in (ACTION, OTHER)}

    def run(action):
        export = Export(state, deciders[action], AudienceAsk(action, NOW))
        start.wait(60)
        found[action] = [each.customer_id for part in export.members() for each in part]

    threads = [threading.Thread(target=run, args=(action,)) for action in (ACTION, OTHER)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert not set(found[ACTION]) & set(found[OTHER])
    assert Counter(who for (who,) in stored(url, CONTACTS.c.subject_id)) == Counter(found[ACTION] + found[OTHER])
    state.close()


@LONG
def test_consent_and_profile_that_were_put_a_moment_ago_count(nextbest, home, tmp_path):
    nextbest(*ASKED, "--dry-run", "--output", tmp_path / "before.ndjson")
    first, second, *_ = (each["customer_id"] for each in rows(tmp_path / "before.ndjson"))
    state = open_state(f"sqlite:///{home.database}")
    with state.writing() as connection:
        put_consent(connection, first, {"email": False}, NOW)
        put_profile(connection, second, {"name": "=HYPERLINK(1)", "email": " Lan@Shop.Example ", "phone": "+84 (0)90", "locale": "vi"}, NOW)
    state.close()
    nextbest(*ASKED, "--output", tmp_path / "after.csv")
    with (tmp_path / "after.csv").open(encoding="utf-8", newline="") as file:
        sheet = {row["customer_id"]: row for row in csv.DictReader(file)}
    assert first not in sheet
    assert sheet[second]["name"] == "'=HYPERLINK(1)", "no formula"
    assert sheet[second]["locale"] == "vi"
    nextbest(*ASKED, "--output", tmp_path / "after.parquet")
    table = pd.read_parquet(tmp_path / "after.parquet").set_index("customer_id")
    assert table.name[second] == "=HYPERLINK(1)"
    assert list(table.product_ids[second]) == sheet[second]["product_ids"].split("; ")
    nextbest(*ASKED, "--hashed", "--output", tmp_path / "hashed.csv")
    hashed = pd.read_csv(tmp_path / "hashed.csv").set_index("customer_id")
    assert hashed.email_sha256[second] == sha256(b"lan@shop.example").hexdigest()
    assert not {"name", "email", "phone", "subject", "body"} & set(hashed.columns)


@pytest.mark.usefixtures("home")
def test_files_with_addresses_are_their_owners_alone(nextbest, tmp_path):
    for name in ("a.csv", "a.csv.gz", "a.ndjson", "a.parquet"):
        (tmp_path / name).write_text("older, and open to all")
        (tmp_path / name).chmod(0o644)
        assert nextbest(*ASKED, "--limit", 2, "--output", tmp_path / name).code == 0
        assert stat.S_IMODE((tmp_path / name).stat().st_mode) == 0o600
    ended = nextbest(*ASKED, "--output", tmp_path / "all.csv")
    assert "@" not in ended.out + ended.err


@LONG
@pytest.mark.parametrize("given", [(), ("--as-of", "latest"), ("--as-of", "ahead")])
def test_nobody_is_recorded_ahead_of_time_where_limits_do_not_look(nextbest, home, tmp_path, given):
    now = datetime.now(UTC).replace(tzinfo=None)
    ahead = (now + timedelta(hours=2)).isoformat()
    state = open_state(f"sqlite:///{home.database}")
    with state.writing() as connection:
        put_consent(connection, "anybody", {"email": False}, now + timedelta(hours=1))
    asked = (*ASKED, *(ahead if each == "ahead" else each for each in given))
    ended = nextbest(*asked, "--output", tmp_path / "a.ndjson")
    assert ended.code == 2
    assert "lies in the future" in ended.err
    assert "--dry-run" in ended.err
    assert stored(f"sqlite:///{home.database}", DECISIONS.c.decision_id) == []
    assert nextbest(*asked, "--dry-run", "--output", tmp_path / "a.ndjson").code == 0
    with state.writing() as connection:
        put_consent(connection, "anybody", {"email": False}, now + timedelta(minutes=5))
    state.close()
    assert nextbest(*ASKED, "--limit", 1, "--output", tmp_path / "b.ndjson").code == 0, "a clock a little ahead"


@pytest.mark.usefixtures("home")
@pytest.mark.parametrize(
    ("given", "said"),
    [
        (("--action", "personal_recomendations"), "'personal_recommendations'"),
        (("--action", OTHER, "--channel", "social"), "It goes by email"),
        (("--action", ACTION, "--as-of", "soon"), "'soon' is no time"),
        (("--action", ACTION, "--as-of", "2999-01-01"), "lies in the future"),
        (("--action", ACTION, "--output", "a.xlsx"), ".csv"),
    ],
)
def test_what_cannot_be_asked_is_said(nextbest, tmp_path, given, said):
    ended = nextbest("audience", "--output", tmp_path / "a.csv", *given)
    assert ended.code == 2
    assert said in ended.err
    assert not (tmp_path / "a.csv").exists()


def test_without_a_publication_nobody_is_known(nextbest, tmp_path):
    nextbest("migrate")
    ended = nextbest(*ASKED, "--output", tmp_path / "a.csv")
    assert ended.code == 2
    assert "nextbest publish" in ended.err


def test_addresses_are_hashed_as_customer_match_asks():
    # the digests are those of `printf test@example.com | sha256sum`, and of the numbers alike
    assert email_hash(" Test@Example.COM ") == "973dfe463ec85785f5f95af5ba3906eedb2d931c24e69824a89ea65dba4e813b"
    assert email_hash(" ") is email_hash(None) is None
    assert international("+84 (90) 123-45.67") == "84901234567" == international("0084901234567")
    assert international("0901234567") is None, "no country code"
    assert international("+84 90 x") is international(None) is None


def test_who_refused_since_is_left_out_of_what_was_recorded(nextbest, home_on_each, tmp_path):
    _, url = home_on_each
    asked = (*ASKED, "--as-of", "2025-03-01")
    assert nextbest(*asked, "--output", tmp_path / "a.ndjson").code == 0
    before = rows(tmp_path / "a.ndjson")
    no, gone, by_event, other = before[:4]
    state = open_state(url)
    with state.writing() as connection:
        put_consent(connection, no["customer_id"], {"email": False}, datetime(2025, 3, 4))
        put_consent(connection, other["customer_id"], {"sms": False}, datetime(2025, 3, 4))
        outcome = {"event_id": "u", "decision_id": gone["decision_id"], "outcome_type": "unsubscribed"}
        later = {"occurred_at": datetime(2025, 3, 5), "received_at": datetime(2025, 3, 5)}
        decisions.add_outcomes(connection, [{**outcome, **later}])
        event = {"event_id": "e", "customer_id": by_event["customer_id"], "event_type": "unsubscribed"}
        connection.execute(EVENTS.insert(), [{**event, **later}])
    state.close()
    told = json.loads(nextbest(*asked, "--output", tmp_path / "b.ndjson", "--json").out)
    assert rows(tmp_path / "b.ndjson") == before[3:]
    assert (told["members"], told["recorded"], told["already"], told["refused_since"]) == (len(before) - 3, 0, len(before) - 3, 3)
    assert told["considered"] == told["members"] + sum(each["customers"] for each in told["outside"])
    assert {"no_consent", "unsubscribed"} <= {each["code"] for each in told["outside"]}
    assert "3 who were recorded have refused since" in nextbest(*asked, "--output", tmp_path / "c.csv").out


@pytest.mark.parametrize("made", ["consent", "outcome"])
def test_the_newest_row_may_be_a_consent_or_an_outcome(home, made):
    state, later = open_state(f"sqlite:///{home.database}"), datetime(2025, 3, 4)
    with state.writing() as connection:
        if made == "consent":
            put_consent(connection, "anybody", {"email": False}, later)
        else:
            outcome = {"event_id": "u", "decision_id": "d", "outcome_type": "unsubscribed", "occurred_at": later, "received_at": later}
            decisions.add_outcomes(connection, [outcome])
    assert later <= newest_row(state) < later + timedelta(seconds=1)
    state.close()
