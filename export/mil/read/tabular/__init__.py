"""The protobuf messages of Core ML's models of tables, one module for each family."""
