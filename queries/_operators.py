"""What Neo4j's plans are made of: the operators that only read the graph.

An operator that is not listed here is refused, so a new one has to be looked at first. Names are
those of EXPLAIN, without what stands in brackets: `Expand(All)` is `Expand`.
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
"""Procedures that tell what is in the graph. Others can stop connections or read settings."""

FUNCTION_SPACES = frozenset(
    {"date", "datetime", "localdatetime", "localtime", "time", "duration", "point", "vector"}
)
"""First words of Neo4j's own functions with a dot in their name, such as `date.truncate`.

A function of a plugin always has a dot in its name, and can do anything: apoc's read files.
"""
