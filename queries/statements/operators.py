"""Operators of Neo4j's plans that only read the graph.

Any other operator is refused until somebody adds it here. Names are those of EXPLAIN without the
brackets: `Expand(All)` is `Expand`.
"""

_SCANS = {
    f"{partitioned}{name}"
    for partitioned in ("", "Partitioned")
    for name in (
        "AllNodesScan",
        "NodeByLabelScan",
        "IntersectionNodeByLabelsScan",
        "SubtractionNodeByLabelsScan",
        "UnionNodeByLabelsScan",
        "NodeIndexScan",
        "NodeIndexSeek",
        "NodeIndexSeekByRange",
        "NodeIndexContainsScan",
        "NodeIndexEndsWithScan",
        "NodeUniqueIndexSeek",
        "NodeUniqueIndexSeekByRange",
        "NodeByIdSeek",
        "NodeByElementIdSeek",
        "MultiNodeIndexSeek",
        "DynamicLabelNodeLookup",
        "DynamicDirectedRelationshipTypeLookup",
        "DynamicUndirectedRelationshipTypeLookup",
        *(
            f"{directed}{scan}"
            for directed in ("Directed", "Undirected")
            for scan in (
                "AllRelationshipsScan",
                "RelationshipTypeScan",
                "UnionRelationshipTypesScan",
                "RelationshipIndexScan",
                "RelationshipIndexSeek",
                "RelationshipIndexSeekByRange",
                "RelationshipUniqueIndexSeek",
                "RelationshipUniqueIndexSeekByRange",
                "RelationshipIndexContainsScan",
                "RelationshipIndexEndsWithScan",
                "RelationshipByIdSeek",
                "RelationshipByElementIdSeek",
            )
        ),
    )
}
_JOINS = {
    *("Apply", "AntiConditionalApply", "ConditionalApply", "AntiSemiApply", "SemiApply"),
    *("LetAntiSemiApply", "LetSemiApply", "LetSelectOrAntiSemiApply", "LetSelectOrSemiApply"),
    *("SelectOrAntiSemiApply", "SelectOrSemiApply", "RollUpApply", "CartesianProduct", "Optional"),
    *("NodeHashJoin", "NodeLeftOuterHashJoin", "NodeRightOuterHashJoin", "ValueHashJoin"),
    *("LeftOuterHashJoin", "RightOuterHashJoin", "Union", "OrderedUnion", "TriadicSelection"),
    *("TriadicBuild", "TriadicFilter", "AssertSameNode", "AssertSameRelationship"),
    *("AssertingMultiNodeIndexSeek", "AssertingMultiRelationshipIndexSeek"),
}
_WALKS = {
    *("Expand", "OptionalExpand", "VarLengthExpand", "ProjectEndpoints", "PathPropagatingBFS"),
    *("ShortestPath", "StatefulShortestPath", "Repeat", "BidirectionalRepeat"),
}
_ROWS = {
    *("ProduceResults", "EmptyResult", "EmptyRow", "Argument", "ArgumentTracker", "Input"),
    *("Filter", "Projection", "Unwind", "PartitionedUnwind", "Distinct", "OrderedDistinct"),
    *("EagerAggregation", "OrderedAggregation", "Aggregation", "Eager", "PreserveOrder"),
    *(
        "Limit",
        "ExhaustiveLimit",
        "Skip",
        "Sort",
        "PartialSort",
        "Top",
        "PartialTop",
        "Top1WithTies",
    ),
    *("CacheProperties", "RemoteBatchProperties", "RemoteBatchPropertiesWithFilter"),
    *("NodeCountFromCountStore", "RelationshipCountFromCountStore", "NullifyMetadata"),
    *("NonFuseable", "NonPipelined", "NonPipelinedStreaming", "Prober"),
}
READING = frozenset(_SCANS | _JOINS | _WALKS | _ROWS)
"""Operators that read the graph and do nothing else."""

PROCEDURES = frozenset(
    {
        "db.labels",
        "db.relationshipTypes",
        "db.propertyKeys",
        "db.schema.visualization",
        "db.schema.nodeTypeProperties",
        "db.schema.relTypeProperties",
    }
)
"""Procedures that list what the graph contains. Others can stop connections or read settings."""

FUNCTION_SPACES = frozenset(
    {"date", "datetime", "localdatetime", "localtime", "time", "duration", "point", "vector"}
)
"""First parts of the names of Neo4j's own functions that have a dot, such as `date.truncate`.

A plugin's function always has a dot in its name, and can do anything: some of apoc's read files.
"""
