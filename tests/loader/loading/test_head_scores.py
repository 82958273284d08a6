"""Scores of heads and derived roles as a load plans them."""

import re
from dataclasses import replace
from pathlib import Path

import pytest

from headgraph.graphdb import schema
from headgraph.loader.loading.head_scores import derived_roles, head_scores
from headgraph.loader.loading.plan import plan_load
from headgraph.pk_engine.errors import LabelsError
from headgraph.pk_engine.metrics.copying import HEAD_SCORES, derived_role
from headgraph.pk_engine.table.affinity import AffinityTable
from tests.tables import random_table

PLAIN = random_table(2, 3)
META = replace(
    PLAIN.meta,
    heads={
        "copying": [[-1, -0.95, 0.95], [-0.9, None, 0.3]],
        "self_overlap": [[0.6, 0.5, 0.51], [0.9, 0.9, 0.9]],
    },
)
BY_WEIGHTS = {"circuit": "weights", "source": "derived: copying and self_overlap of W_OV"}


def test_scores_belong_to_heads_by_layer_and_leave_out_what_is_not_defined() -> None:
    found = head_scores(META)
    assert found[0] == {"copying": -1.0, "self_overlap": 0.6}
    assert type(found[0]["copying"]) is float
    assert found[4] == {"self_overlap": 0.9}
    assert head_scores(PLAIN.meta) == {}


def test_roles_follow_from_both_scores() -> None:
    assert derived_roles(META) == {
        "eraser": [{"head": "L0H0", "properties": BY_WEIGHTS}],
        "copier": [{"head": "L0H2", "properties": BY_WEIGHTS}],
    }
    assert derived_roles(PLAIN.meta) == {}


def test_the_graph_and_the_engine_name_the_same_roles_and_scores() -> None:
    assert (derived_role(-1.0, 1.0), derived_role(1.0, 1.0)) == schema.DERIVED_ROLES
    assert schema.HEAD_SCORES == HEAD_SCORES
    assert [schema.role_label(role) for role in schema.DERIVED_ROLES] == ["Eraser", "Copier"]


def test_labels_of_a_file_stay_apart_from_derived_roles(tmp_path: Path) -> None:
    roles = tmp_path / "roles.csv"
    roles.write_text("layer,head,role,circuit\n0,0,induction,ioi\n")
    table = AffinityTable(PLAIN.columns, META)
    plan, none = plan_load(table, "x", None, roles), plan_load(table, "x", None, "none")
    assert set(plan.role_rows()) == {"induction", "eraser", "copier"}
    assert set(none.role_rows()) == {"eraser", "copier"}
    assert len(plan.labels) == 1
    assert none.labels_sha256 == plan_load(PLAIN, "x", None, "none").labels_sha256


@pytest.mark.parametrize(
    ("line", "column", "name"),
    [("1,2,eraser,mine", "role", "eraser"), ("0,1,induction,weights", "circuit", "weights")],
)
def test_a_label_that_would_look_derived_is_refused(
    line: str, column: str, name: str, tmp_path: Path
) -> None:
    roles = tmp_path / "roles.csv"
    roles.write_text(f"layer,head,role,circuit\n1,1,induction,ioi\n{line}\n")
    head = "L{}H{}".format(*line.split(",")[:2])
    message = (
        f"the label file {roles} gives {head} the {column} {name}, which marks what headgraph "
        f"derives from the weights: expected another {column}"
    )
    with pytest.raises(LabelsError, match=f"^{re.escape(message)}$"):
        plan_load(PLAIN, "x", None, roles)
