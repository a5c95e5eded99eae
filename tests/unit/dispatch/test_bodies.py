from router.dispatch.bodies import Bodies
from tests.support.dispatch import make_delivery


class Archive:
    def __init__(self, *deliveries):
        self.rows = {delivery.id: delivery for delivery in deliveries}

    def delivery(self, delivery_id):
        return self.rows.get(delivery_id)

    def deliveries(self, **_):
        return list(self.rows.values())


def test_up_to_the_bound_bodies_stay_above_it_they_are_let_go_and_fetched():
    first, second = make_delivery(1, body=b"12345"), make_delivery(2, body=b"67890")
    bodies = Bodies(Archive(make_delivery(2, body=b"67890")), 8)
    assert bodies.admit(first) is first
    kept = bodies.admit(second)
    assert kept.body == b""
    assert second.body == b"67890", "the caller's delivery is left alone"
    assert (bodies.bytes_held, bodies.let_go) == (5, 1)
    assert bodies.fetch(first)
    assert bodies.fetch(kept)
    assert kept.body == b"67890"
    bodies.put_back(kept)
    bodies.put_back(first)
    assert (first.body, kept.body) == (b"12345", b"")
    bodies.forget(first)
    bodies.forget(kept)
    assert (bodies.bytes_held, bodies.let_go) == (0, 0)


def test_without_an_archive_nothing_is_let_go():
    bodies = Bodies(None, 1)
    delivery = make_delivery(1, body=b"12345")
    assert bodies.admit(delivery) is delivery


def test_a_body_the_store_has_no_more_is_told():
    bodies = Bodies(Archive(), 1)
    kept = bodies.admit(make_delivery(1, body=b"12345"))
    assert not bodies.fetch(kept)
