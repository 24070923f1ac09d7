from collections.abc import Callable
from pathlib import Path

import openpyxl
import pytest
from openpyxl.worksheet.worksheet import Worksheet

from runner.domain.accounts import NewAccount, SecretRef
from runner.errors import SetupError
from runner.intake.accounts import read_accounts
from runner.intake.report import Intake

Write = Callable[[str, str | bytes], Path]
SECRET = "hunter2-Geheim"


def read(path: Path, default_site: str | None = "mock") -> Intake[NewAccount]:
    return read_accounts(path, known_sites={"mock", "bazaar"}, default_site=default_site)


def test_accounts_with_each_kind_of_secret_are_read(write: Write) -> None:
    taken = read(
        write(
            "a.csv",
            "Name;Site;User Name;Password_Env;password-keyring;Password File;Tags\n"
            'amy;mock;amy@example.org;AMY_PASSWORD;;;"laptops, parts;laptops"\n'
            "ben;;ben;;runner/ben;;\n"
            "carla;bazaar;carla;;;secrets/carla pw.txt;\n",
        )
    )
    assert taken.problems == ()
    assert taken.items == (
        (
            2,
            NewAccount(
                name="amy",
                site="mock",
                username="amy@example.org",
                secret=SecretRef(kind="env", name="AMY_PASSWORD"),
                tags=("laptops", "parts"),
            ),
        ),
        (3, NewAccount(name="ben", site="mock", username="ben", secret=SecretRef(kind="keyring", name="runner/ben"))),
        (
            4,
            NewAccount(
                name="carla",
                site="bazaar",
                username="carla",
                secret=SecretRef(kind="file", name="secrets/carla pw.txt"),
            ),
        ),
    )


def test_json_accounts_read_like_the_configuration_writes_them(write: Write) -> None:
    taken = read(
        write(
            "a.json",
            '{"accounts": [{"name": "amy", "username": "amy", "password": {"env": "A"}, "tags": ["x,y", "z"]}]}',
        )
    )
    assert taken.items[0][1].secret == SecretRef(kind="env", name="A")
    assert taken.items[0][1].tags == ("x,y", "z")


GOOD = "amy,mock,amy,AMY_PASSWORD,,"


@pytest.mark.parametrize(
    ("row", "column", "shown", "said"),
    [
        (",mock,ben,B,,", "name", "", "name is empty"),
        ("Ben B,mock,ben,B,,", "name", "Ben B", "a-z, 0-9, - and _"),
        ("../ben,mock,ben,B,,", "name", "../ben", "names the profile folder"),
        ("x" * 41 + ",mock,ben,B,,", "name", "x" * 41, "1 to 40"),
        ("ben,mokc,ben,B,,", "site", "mokc", "Known sites: bazaar, mock. Did you mean mock?"),
        ("ben,mock,,B,,", "username", "", "username is empty"),
        ('ben,mock,"b\nen",B,,', "username", "b\\nen", "one line"),
        ("ben,mock,ben,,,", "password_env", "", "exactly one of password_env, password_keyring, password_file"),
        ("ben,mock,ben,B,s/ben,", "password_env", "", "more than one place"),
        (f"ben,mock,ben,{SECRET},,", "password_env", "(not shown)", "never the password itself"),
        (f"ben,mock,ben,,{SECRET},", "password_keyring", "(not shown)", "service/username"),
        ("ben,mock,ben,,s/,", "password_keyring", "(not shown)", "service/username"),
        (f'ben,mock,ben,,,"{SECRET}\n{SECRET}"', "password_file", "(not shown)", "one line"),
    ],
)
def test_a_wrong_row_is_reported_by_line_and_column_and_the_rest_is_read(
    write: Write, row: str, column: str, shown: str, said: str
) -> None:
    header = "name,site,username,password_env,password_keyring,password_file"
    taken = read(write("a.csv", f"{header}\n{GOOD}\n{row}\ncarla,mock,carla,C,,\n"))
    assert [(p.line, p.column, p.value_excerpt) for p in taken.problems] == [(3, column, shown)]
    assert said in taken.problems[0].reason
    assert [account.name for _, account in taken.items] == ["amy", "carla"]
    assert taken.rows == 3
    assert SECRET not in repr(taken.problems)


@pytest.mark.parametrize("header", ["password", "Password", "PASS WORD", "pwd", "Passwort"])
def test_a_column_of_plain_passwords_is_refused_and_none_is_shown(write: Write, header: str) -> None:
    path = write("a.csv", f"name,username,{header}\namy,amy,{SECRET}\nben,ben,\ncarla,carla,{SECRET}\n")
    with pytest.raises(SetupError) as caught:
        read(path)
    said = str(caught.value)
    assert SECRET not in said
    assert "lines 2, 4" in said
    assert all(way in said for way in ("password_env", "password_keyring", "password_file"))


def test_a_plain_password_in_json_is_refused_and_not_shown(write: Write) -> None:
    with pytest.raises(SetupError) as caught:
        read(write("a.json", f'[{{"name": "amy", "username": "amy", "password": "{SECRET}"}}]'))
    assert SECRET not in str(caught.value)


def test_an_empty_password_column_is_only_noticed(write: Write) -> None:
    taken = read(write("a.csv", "name,username,password,password_env\namy,amy,,A\n"))
    assert len(taken.items) == 1
    assert [(notice.line, notice.column) for notice in taken.warnings] == [(1, "password")]


def test_a_secret_in_a_broken_row_is_not_shown(write: Write) -> None:
    taken = read(write("a.csv", f'name,username,password_env\namy,amy,A,{SECRET}\nben,"b"en,{SECRET}\n'))
    assert [problem.line for problem in taken.problems] == [2, 3]
    assert SECRET not in repr(taken)


def test_missing_compulsory_columns_are_one_error_that_lists_what_is_there(write: Write) -> None:
    with pytest.raises(SetupError) as caught:
        read(write("a.csv", "\nFirst,Second\na,b\n"))
    assert 'line 2: the compulsory columns name, username are missing. There are: "First", "Second".' in str(
        caught.value
    )


def test_an_unknown_column_is_a_notice_with_the_nearest_name(write: Write) -> None:
    taken = read(write("a.csv", "name,username,pasword_env,password_file,\namy,amy,x,f,y\n"))
    assert len(taken.items) == 1
    assert [(notice.line, notice.column) for notice in taken.warnings] == [(1, "pasword_env"), (1, None)]
    assert "Did you mean password_env?" in str(taken.warnings[0])
    assert "column 5 has no name" in str(taken.warnings[1])


def test_two_columns_of_one_meaning_are_refused(write: Write) -> None:
    with pytest.raises(SetupError, match='"Account" and "name" both mean name'):
        read(write("a.csv", "Account,name,username\namy,amy,amy\n"))


def test_a_name_or_login_that_stands_twice_is_refused_on_both_lines(write: Write) -> None:
    taken = read(
        write(
            "a.csv",
            "name,site,login,env\namy,mock,a,A\nben,mock,Same,B\namy,mock,c,C\ndev,mock,same,D\nelena,bazaar,same,E\n",
        )
    )
    assert [(p.line, p.column, p.value_excerpt) for p in taken.problems] == [
        (2, "name", "amy"),
        (3, "login", "Same"),
        (4, "name", "amy"),
        (5, "login", "same"),
    ]
    assert "lines 2, 4" in taken.problems[0].reason
    assert "lines 3, 5" in taken.problems[1].reason
    assert [account.name for _, account in taken.items] == ["elena"]


def test_a_missing_site_without_a_default_is_refused(write: Write) -> None:
    taken = read(write("a.csv", "name,username,password_env\namy,amy,A\n"), default_site=None)
    assert [(p.line, p.column) for p in taken.problems] == [(2, "site")]
    assert "Known sites: bazaar, mock" in taken.problems[0].reason


def test_a_login_that_excel_keeps_as_a_number_is_noticed(tmp_path: Path) -> None:
    workbook = openpyxl.Workbook()
    sheet = workbook.active
    assert isinstance(sheet, Worksheet)
    sheet.append(["name", "username", "password_env"])
    sheet.append(["amy", 31612345678, "A"])
    workbook.save(tmp_path / "a.xlsx")
    taken = read(tmp_path / "a.xlsx")
    assert taken.items[0][1].username == "31612345678"
    assert [(notice.line, notice.column) for notice in taken.warnings] == [(2, "username")]


def test_rows_on_one_line_of_a_json_file_are_told_apart(write: Write) -> None:
    row = '{{"name": "{}", "site": "mock", "username": "{}", "password_env": "{}"}}'
    rows = [row.format(*each) for each in (("amy", "a", "A"), ("ben", "b", "B"), ("amy", "c", "C"), ("dev", "d", "1"))]
    taken = read(write("a.json", f"[{', '.join(rows)}]"))
    assert [account.name for _, account in taken.items] == ["ben"]
    assert [problem.column for problem in taken.problems] == ["password_env", "name", "name"]
