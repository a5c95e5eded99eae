"""Models in models: aliases, recursion, and unions of models without a common key."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import AliasChoices, AliasPath, BaseModel, ConfigDict, Field, RootModel, model_validator

from router.yamldoc import YamlModel
from tests.unit.yamldoc.rulebook import findings, only, value


class Tree(YamlModel):
    name: str
    any_: list[Tree] = Field(default_factory=list, alias="any")
    either: Tree | list[Tree] | None = None


def test_recursive_models():
    text = "name: a\nany:\n- name: b\n  any: [{name: c}]\n  either: {name: d}\neither: [{name: e}]\n"
    assert value(text, Tree).any_[0].any_[0].name == "c"
    bad = "name: a\nany:\n- name: [b]\n  any: [{nam: c}]\n  either: {name: d, any: x}\n"
    assert findings(bad, Tree) == [
        "3:9 wrong-type any[0].name",
        "4:9 missing-key any[0].any[0].name",
        "4:10 unknown-key any[0].any[0].nam",
        "5:26 wrong-type any[0].either.any",
    ]


def test_deep_recursion_is_bounded():
    text = "{name: a, either: " * 60 + "{name: 3, any: 4}" + "}" * 60
    (found,) = findings(text, Tree)
    assert found.startswith("1:1096 wrong-type either.either.")


def test_aliases():
    class Aliased(BaseModel):
        model_config = ConfigDict(extra="forbid", populate_by_name=True)
        if_: int = Field(alias="if", ge=1)
        two: int = Field(default=2, validation_alias=AliasChoices("deux", AliasPath("x", 0), "zwei"), ge=1)

    class Strict(YamlModel):
        if_: int = Field(alias="if")
        path: int = Field(default=0, validation_alias=AliasPath("x", 0))

    assert value("if: 3\nzwei: 5", Aliased).two == 5
    assert value("if_: 3", Aliased).if_ == 3
    assert findings("if: 0\nzwei: 0", Aliased) == ["1:5 invalid-value if", "2:7 invalid-value zwei"]
    assert findings("if_: 3", Strict) == ["1:1 unknown-key if_", "1:1 missing-key if"]


class Spread(YamlModel):
    a: int
    b: int
    shared: int = 0


class Other(YamlModel):
    c: int = 0
    d: int = 0
    shared: int = 0


class Tagged(YamlModel):
    kind: Literal["t"] = "t"
    c: int


class Holder(YamlModel):
    x: Spread | Other | int | None = None
    y: Spread | dict[str, int] | None = None
    z: Other | Tagged | None = None
    w: list[Spread] | list[Other] | None = None
    v: Spread | Any = None


def test_forms_are_told_apart_by_their_keys():
    assert value("x: {c: 1}", Holder).x == Other(c=1)
    assert value("x: {shared: 1, d: 3}", Holder).x == Other(shared=1, d=3)
    assert value("x: 3", Holder).x == 3
    assert findings("y: {a: 1, q: 3}", Holder) == ["1:11 unknown-key y.q"]
    assert value("y: {q: 3}", Holder).y == {"q": 3}
    assert value("z: {kind: t, c: 3}", Holder).z == Tagged(c=3)
    assert value("w: [{c: 3}]", Holder).w == [Other(c=3)]
    assert value("v: {q: [3]}", Holder).v == {"q": [3]}
    assert findings("x: {a: 1, c: 1}", Holder) == ["1:4 missing-key x.b", "1:11 unknown-key x.c"]
    assert findings("z: {kind: u, c: 3}", Holder) == ["1:11 not-a-choice z.kind"]
    assert only("x: {}", Holder).message.endswith("expected {a, b} or {c, d, shared}")


def test_forms_at_the_root():
    assert value("{a: 1, b: 2}", RootModel[Spread | Other]).root == Spread(a=1, b=2)
    assert findings("{a: 1}", RootModel[Spread | Other]) == ["1:1 missing-key b"]


def test_forms_beside_a_validator_that_takes_anything():
    class Free(YamlModel):
        n: int = 0

        @model_validator(mode="wrap")
        @classmethod
        def free(cls, data: Any, handler: Any) -> Any:
            return handler({"n": len(data)})

    class Both(YamlModel):
        x: Free | Spread

    assert value("x: {q: 1, r: 2}", Both).x.n == 2
    assert value("x: abc", Both).x.n == 3


def test_many_keys_are_not_all_listed():
    wide = type("Wide", (YamlModel,), {"__annotations__": {f"k{n}": int for n in range(30)}})

    class Both(YamlModel):
        x: wide | Other  # type: ignore[valid-type]

    Both.model_rebuild(_types_namespace={"wide": wide, "Other": Other})
    assert "k11, …} or {c, d, shared}" in only("x: {}", Both).message
