"""What tests share: checks of the tree, builders, processes. Must never be imported by the router."""
