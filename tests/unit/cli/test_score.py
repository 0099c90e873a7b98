"""`vigil score`: a table in, the same table with its scores out."""

import csv
from pathlib import Path

import pytest
from typer.testing import CliRunner

from vigil.cli import score
from vigil.cli.console import CliError
from vigil.cli.main import app

MESSY = """HR;SpO2;Temp;SBP;age;ward
70;98;384.5;120;40;A
;;;;;B
131;91;37.0;90;81;C
abc;90;37;80;15;D
"""


def run(tmp_path: Path, text: str, *words: str, name: str = "news2") -> tuple[list[dict[str, str]], str]:
    table = tmp_path / "in.csv"
    table.write_text(text)
    shown = CliRunner().invoke(app, ["score", name, "--csv", str(table), *words])
    if shown.exception:
        raise shown.exception
    delimiter = ";" if ";" in text else ","
    return list(csv.DictReader(shown.stdout.splitlines(), delimiter=delimiter)), shown.stderr


def test_a_messy_table(tmp_path: Path) -> None:
    rows, said = run(tmp_path, MESSY)
    added = [(r["total"], r["partial"], r["risk"]) for r in rows]
    assert added == [
        ("0", "true", "low"),
        ("", "true", "unknown"),
        ("9", "true", "high"),
        ("", "", "not-applicable"),
    ]
    assert rows[0]["Temp"] == "384.5", "what was there stays"
    assert "temperature" in rows[0]["missing"].split()
    assert "no known input: ward" in said
    assert "no column for respiratory_rate, on_oxygen, consciousness" in said
    assert "temperature: 1 cells not scored (implausible), first line 2: '384.5'" in said
    assert "heart_rate: 1 cells not scored (wrong_type), first line 5: 'abc'" in said


def test_to_a_file_that_appears_whole(tmp_path: Path) -> None:
    out = tmp_path / "out.csv"
    run(tmp_path, "hr,sbp,total\n91,100,x\n", "--out", str(out), name="shock-index")
    assert out.read_text() == (
        "hr,sbp,total,shock_index_total,shock_index_partial,shock_index_missing,shock_index_risk\n"
        "91,100,x,0.91,false,,high\n"
    )
    with pytest.raises(CliError, match="line 3: 1 cells under 2 columns"):
        run(tmp_path, "hr,sbp\n1,100\n2\n", "--out", str(tmp_path / "broken.csv"))
    assert sorted(p.name for p in tmp_path.iterdir()) == ["in.csv", "out.csv"]


@pytest.mark.parametrize(
    ("text", "name", "message"),
    [
        ("ward\nA\n", "news2", "no column is an input"),
        ("hr,heart_rate\n1,2\n", "news2", "are both heart_rate"),
        ("", "news2", "empty"),
        ("hr\n1\n", "apache", "no score; there are news2"),
    ],
)
def test_what_cannot_be_scored_is_refused(tmp_path: Path, text: str, name: str, message: str) -> None:
    with pytest.raises(CliError, match=message):
        run(tmp_path, text, name=name)


def test_an_unreadable_scale_leaves_the_saturation_unscored(tmp_path: Path) -> None:
    rows, _ = run(tmp_path, "spo2,spo2_scale,pulse,acvpu,on_oxygen\n97,7,80,a,yes\n97,,80,A,1\n97,2,80,v,true\n")
    assert [(r["total"], "spo2" in r["missing"].split()) for r in rows] == [("2", True), ("2", False), ("8", False)]


def test_children_by_the_hospitals_own_table(tmp_path: Path) -> None:
    default = Path(__file__).parents[3] / "rust/vigil-core/src/scores/pews.toml"
    own = tmp_path / "own.toml"
    own.write_text(default.read_text().replace("[[80, 4], [90, 2], [110, 1]]", "[[125, 3]]"))
    text = "age_months,hr\n1,120\n"
    assert run(tmp_path, text, name="pews")[0][0]["total"] == "0"
    assert run(tmp_path, text, "--table", str(own), name="pews")[0][0]["total"] == "3"
    own.write_text(default.read_text().replace("high_from = 8", ""))
    with pytest.raises(CliError, match="high_from"):
        run(tmp_path, text, "--table", str(own), name="pews")


@pytest.mark.recordings
def test_published_news2_vectors(recordings: Path) -> None:
    shown = CliRunner().invoke(app, ["score", "news2", "--csv", str(recordings / "news2_vectors.csv")])
    assert shown.exit_code == 0, shown.output
    rows = list(csv.DictReader(shown.stdout.splitlines(keepends=True)))
    assert len(rows) > 100
    for row in rows:
        assert (row["total"], row["partial"], row["missing"]) == (row["official_total"], "false", ""), row


def test_a_large_table_shows_how_far_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(score, "LARGE_BYTES", 0)
    monkeypatch.setattr(score, "ROWS_PER_STEP", 10)
    rows, _ = run(tmp_path, "hr,sbp\n" + "80,120\n" * 25, name="shock_index")
    assert [row["total"] for row in rows] == ["0.666667"] * 25
