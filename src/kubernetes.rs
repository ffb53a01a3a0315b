//! LeaderWorkerSet groups, pods and nodes.
