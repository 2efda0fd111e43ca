"""Options that several commands share."""

from sealgrid.cli import options
from sealgrid.cli.options import NETWORK_ENVIRONMENT, NOTICE_SECONDS
from sealgrid.sdk.operations import publish
from sealgrid.sdk.operations.wait_notices import PATIENCE_SECONDS
from sealgrid.sdk.stores.network_store import ENVIRONMENT


def test_the_notice_of_the_options_is_that_of_the_client():
    assert NOTICE_SECONDS == PATIENCE_SECONDS


def test_the_hourly_limit_of_a_sale_is_that_of_the_client():
    assert options.USES_PER_HOUR == publish.USES_PER_HOUR


def test_the_variable_of_the_network_is_that_of_the_client():
    assert NETWORK_ENVIRONMENT == ENVIRONMENT
