//! Documents as Kubernetes reads them, with a span for every node, and byte-exact edits.
