"""The interface as tests. A vendor subclasses `ConnectorContract` and gives two fixtures, `crm` and `seeder`; what it
cannot do, its capabilities say, never its name.

    class TestSomething(ConnectorContract):
        @pytest.fixture
        def crm(self, context): return SomethingConnector({...}, {...}, context)   # the context of the contract: it counts calls
        @pytest.fixture
        def seeder(self, ...): return SomethingSeeder(...)

The module under test holds at least 30 records of mixed values, fewer than four pages of them.
"""

from __future__ import annotations

from tests.connectors.contract.changes import ChangesContract
from tests.connectors.contract.declared import DeclaredContract
from tests.connectors.contract.deeds import DeedsContract
from tests.connectors.contract.errors import ErrorsContract
from tests.connectors.contract.operations import OperationsContract
from tests.connectors.contract.reading import ReadingContract
from tests.connectors.contract.support import CountingObserver, Seeder, read_all
from tests.connectors.contract.values import ValuesContract
from tests.connectors.contract.writing import WritingContract

__all__ = ["ConnectorContract", "CountingObserver", "Seeder", "read_all"]


class ConnectorContract(
    DeclaredContract,
    ReadingContract,
    WritingContract,
    ValuesContract,
    ChangesContract,
    DeedsContract,
    ErrorsContract,
    OperationsContract,
):
    """All of it."""
