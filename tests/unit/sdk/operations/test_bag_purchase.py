"""The digest by which a purchase with a key recognises the same bag."""

from sealgrid.bundle.job_input import JobInput
from sealgrid.sdk.operations.bag_purchase import BagContent
from sealgrid.sdk.run_request import RunRequest
from sealgrid.units import Address

APP, FEED = Address("0x" + "aa" * 20), Address("0x" + "fe" * 20)


def content(data=b"a", **terms):
    return BagContent(RunRequest(APP, **terms), (JobInput((), (("f", data),), {}),), ("input 0",)).digest()


def test_a_bag_is_another_with_other_input_or_callback_contract():
    digests = {content(), content(b"b"), content(callback=FEED), content(callback=APP), content(public_args="x")}
    digests |= {content(tee=False, trust=2), content(tee=False, trust=3)}
    assert len(digests) == 7


def test_a_bag_without_a_callback_has_the_digest_of_earlier_versions():
    assert content() == "579b82b1b5ef28224e673e39beca3fd19ca3684071c2846079d4a83df08f2553"
