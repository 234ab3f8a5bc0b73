"""A home's own files of rules: written once, from the default or from what the home needs in its place."""

from pathlib import Path

from features.home import config_file, open_home


def test_a_file_of_rules_is_written_once_and_then_kept(tmp_path: Path) -> None:
    home = open_home(tmp_path / "home")
    default = tmp_path / "default_bands.yaml"
    default.write_text("high: 0.6 # ế\n", encoding="utf-8")
    path = config_file(home, default)
    assert path == home.config / "bands.yaml"
    assert path.read_text(encoding="utf-8") == "high: 0.6 # ế\n"
    path.write_text("high: 0.7\n")
    assert config_file(home, default, text="high: 0.8\n").read_text() == "high: 0.7\n"


def test_another_text_than_the_defaults_is_written_where_it_is_given(tmp_path: Path) -> None:
    home = open_home(tmp_path / "home", currency="VND")
    path = config_file(home, tmp_path / "default_catalogue.yaml", text="cost: 250\n")
    assert (path.name, path.read_text()) == ("catalogue.yaml", "cost: 250\n")
