"""After every drill, shortened, the books are what the provider's own log says; `make test-books` prints the table."""

import pytest
from tests.books.drills import DRILLS, DatabaseKind, run
from tests.support.postgres import Server


@pytest.mark.timeout(180)
@pytest.mark.parametrize("database", ["sqlite", "postgresql"])
@pytest.mark.parametrize("name", DRILLS)
def test_the_books_are_right_after(name: str, database: DatabaseKind, postgres: Server) -> None:
    finding = run(name, database, postgres)
    if finding.skipped:
        pytest.skip(finding.skipped)
    assert finding.wrong == []
    assert finding.rows > 0
