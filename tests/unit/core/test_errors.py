"""The error table is the only list of codes, and the mapping knows them all."""

import re
from http import HTTPStatus

import pytest

from vigil import core
from vigil.errors import HTTP_STATUS, VigilError, from_core, mapped


def test_every_code_is_bounded_documented_and_mapped() -> None:
    table = core.error_table()
    assert len({code for code, _, _ in table}) == len(table)
    for code, status, description in table:
        assert re.fullmatch(r"[a-z_]{3,30}", code)
        assert HTTPStatus(status)
        assert description.endswith(".")
        error = from_core(core.CoreError(code, "metrics.hr", "why"))
        assert (error.code, error.field, error.message, error.http_status) == (code, "metrics.hr", "why", status)


def test_an_unlisted_code_is_a_defect_of_ours() -> None:
    error = from_core(core.CoreError("brand_new", "", "why"))
    assert (error.code, error.http_status) == ("internal", HTTP_STATUS["internal"])
    assert "brand_new" in error.message


def test_the_cores_errors_arrive_as_ours() -> None:
    with pytest.raises(VigilError) as caught, mapped():
        core.Admissions(require_keys=False, allow_unknown=False).apply(b"\xff")
    assert caught.value.code == "malformed_protobuf"
    assert str(caught.value).startswith("malformed_protobuf at admissions: ")
    assert isinstance(caught.value.__cause__, core.CoreError)
