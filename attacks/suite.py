"""All attacks in order: those that move the chain late, floods last."""

from attacks import callbacks, counts, floods, observers
from attacks import colluding_vaults as colluding
from attacks import hostile_uploads as uploads
from attacks import lying_about_bulks as bulks
from attacks import lying_people as people
from attacks import lying_pools as pools
from attacks import lying_requesters as requesters
from attacks import lying_sellers as sellers
from attacks import lying_storage as storage
from attacks import lying_vaults as vaults
from attacks import lying_workers as workers
from attacks import moving_chain as chain
from attacks import refused_deals as refusals
from attacks.attack import Attack

ALL = "t vaults and worker"
WORKER, POOL, VAULT = "worker (root on its machine)", "pool and worker", "one vault (t - 1)"

SUITE = (
    Attack("replay a nonce", WORKER, workers.replay_a_nonce),
    Attack("show a stale quote with fresh nonces", WORKER, workers.show_a_stale_quote),
    Attack("relay the quote of another enclave", WORKER, workers.relay_the_quote_of_another_enclave),
    Attack("ask with a quote under an own root", WORKER, people.quote_with_an_own_key),
    Attack("attest two enclaves for one task", POOL, workers.attest_twice_for_one_task),
    Attack("swap the model", WORKER, workers.swap_the_model),
    Attack("swap the private input", WORKER, workers.swap_the_input),
    Attack("swap the app", WORKER, workers.swap_the_app),
    Attack("invent a failure of the app", WORKER, workers.invent_a_failure_of_the_app),
    Attack("invent that the model does not open", WORKER, workers.invent_that_the_model_does_not_open),
    Attack("run a bulk over no data", WORKER, bulks.run_a_bulk_over_nothing),
    Attack("offer the enclave fake vaults", WORKER, vaults.offer_fake_vaults),
    Attack("forge the vaults' facts: an own result key", WORKER, vaults.forge_the_facts),
    Attack("forge the facts with one vault's signature", f"worker and {VAULT}", vaults.collude_with_one_vault),
    Attack("make the model's key of one share", VAULT, vaults.open_the_model_with_one_share),
    Attack("make an input's key of one share", VAULT, vaults.open_an_input_with_one_share),
    Attack("make a result's key of one share", VAULT, vaults.open_a_result_with_one_share),
    Attack("have a result sealed to an own key", ALL, colluding.seal_to_an_own_key),
    Attack("have a result computed on other inputs", ALL, colluding.compute_on_other_inputs),
    Attack("have a result computed with other params", ALL, colluding.compute_with_other_params),
    Attack("show an order that its requester did not sign", ALL, colluding.forge_the_order),
    Attack("show another requester's order", ALL, colluding.show_another_requesters_order),
    Attack("show the order with another's signature", ALL, colluding.spoil_the_signature),
    Attack("call the requester's signature a contract's", ALL, colluding.call_the_signature_a_contracts),
    Attack("be paid for an invented deal that vaults vouch for", ALL, colluding.vouch_for_an_invented_deal),
    Attack("make a developer's secret of one share", VAULT, vaults.open_a_secret_with_one_share),
    Attack("finalise with one verdict", f"worker and {VAULT}", vaults.finalise_with_one_verdict),
    Attack("count one vault's verdict twice", f"worker and {VAULT}", vaults.count_one_vault_twice),
    Attack("refuse everything", VAULT, vaults.refuse_as_one_vault),
    Attack("end each task by a nonce of another size", VAULT, vaults.issue_a_short_nonce),
    Attack("end each task by a deposit key of low order", VAULT, vaults.name_a_deposit_key_of_low_order),
    Attack("invent an enclave, sign for it", POOL, people.invent_an_enclave),
    Attack("withhold the sealed result", WORKER, workers.withhold_the_sealed_result),
    Attack("store a spoilt result", WORKER, workers.spoil_the_sealed_result),
    Attack("finalise with another result", WORKER, workers.swap_the_result_on_chain),
    Attack("be paid and point the results elsewhere", WORKER, workers.point_the_results_elsewhere),
    Attack("be paid and link a rewritten receipt", WORKER, workers.link_a_rewritten_receipt),
    Attack("be paid and invent a result", WORKER, workers.invent_the_result),
    Attack("serve another result", "storage node", storage.serve_another_result),
    Attack("flood a storage node with uploads", "anybody", uploads.flood_with_uploads, at_network_pool=True),
    Attack("use an upload ticket again", "anybody who saw it", uploads.use_a_ticket_again),
    Attack("upload at another account's cost", "anybody", uploads.upload_as_somebody_else),
    Attack("upload as another pool's worker", "anybody", uploads.upload_as_another_pools_worker),
    Attack("have a result removed that nobody opened", "anybody", uploads.let_anothers_result_go),
    Attack("copy the model out by an unapproved app", "developer and requester", people.copy_the_model_out),
    Attack("read somebody else's sealed input", "requester", people.read_anothers_input),
    Attack("read the input of a use of one's model", "model owner", people.read_an_input_as_model_owner),
    Attack("read the result of a use of one's model", "model owner", people.read_a_result_as_model_owner),
    Attack("time another's app by its stages", "observer", observers.time_the_app_by_its_stages, at_network_pool=True),
    Attack("deliver a callback before the payment", "requester", callbacks.deliver_before_the_payment),
    Attack("swap the model by an input's name", "requester", requesters.swap_the_model_by_a_name),
    Attack("swap the model of a callback", "requester", requesters.swap_the_model_of_a_callback),
    Attack("have the pool fined by a bad input", "requester", requesters.have_the_pool_fined),
    Attack("have the pool fined by an app that kills itself", "requester", requesters.end_the_app_by_a_signal),
    Attack(
        "buy what the vaults refuse, for the pool's stake",
        "requester",
        refusals.take_a_pools_stake,
        at_network_pool=True,
    ),
    Attack("sell a model that does not open, twice", "model owner", sellers.sell_a_model_that_does_not_open_twice),
    Attack("sell a model that its seller never opened", "model owner", sellers.sell_an_unproved_model),
    Attack("make up that the vaults refused", "a pool's worker", refusals.make_up_refusals, at_network_pool=True),
    Attack("refuse a deal alone, signed", VAULT, refusals.name_a_refusal_alone),
    Attack("use a model more often by choosing vaults", "requester and worker", counts.show_each_task_to_other_vaults),
    Attack("sell an offer out for nothing", "requester with a pool", counts.buy_all_uses_at_an_idle_pool),
    Attack(
        "swallow every run with a free pool that runs nothing", "pool", pools.swallow_every_run, at_network_pool=True
    ),
    Attack(
        "take the deal back before the release",
        "someone who reorganises the chain",
        chain.take_the_deal_back_before_the_release,
    ),
    Attack(
        "take the deal back before the verdict",
        "someone who reorganises the chain",
        chain.take_the_deal_back_before_the_verdict,
    ),
    Attack(
        "take the deal back before the payment",
        "someone who reorganises the chain",
        chain.take_the_deal_back_before_the_payment,
    ),
    Attack("open the result without paying", "requester and worker", people.open_without_paying),
    Attack("burn a model's uses without paying", "requester and worker", counts.burn_uses_without_paying),
    Attack("send a worker's call again", "someone who records the traffic", floods.replay_a_workers_call),
    Attack("hold connections and say nothing", "anybody", floods.hold_connections_and_say_nothing),
    Attack("fill a vault with inputs", "anybody", floods.fill_a_vault_with_inputs),
)
