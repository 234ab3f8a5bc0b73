"""`nextbest ingest --suggest-mapping`: a mapping on stdout that the next ingest takes, and no home made for it."""

import json


def test_a_suggested_mapping_is_printed_and_can_be_used(nextbest, tmp_path):
    sales, mapping = tmp_path / "sales.csv", tmp_path / "sales.yaml"
    sales.write_text("Client;When;Item;Pieces;Unit Price\nA;31.12.2024;P;2;1,50\nB;01.01.2025;P;1;1,50\n")
    ended = nextbest("ingest", "--suggest-mapping", sales)
    assert ended.code == 0, ended
    assert not (tmp_path / "home").exists()
    mapping.write_text(ended.out)
    assert nextbest("ingest", "--orders", sales, "--mapping", mapping).code == 0


def test_a_suggested_mapping_as_json(nextbest, tmp_path):
    (tmp_path / "sales.csv").write_text("Client,When\nA,2024-01-01\n")
    told = json.loads(nextbest("--json", "ingest", "--suggest-mapping", tmp_path / "sales.csv").out)
    assert 'customer_id: "Client"' in told["mapping"]


def test_a_file_that_is_not_there_is_refused(nextbest, tmp_path):
    ended = nextbest("ingest", "--suggest-mapping", tmp_path / "none.csv")
    assert ended.code == 2
    assert "no such file" in ended.err
