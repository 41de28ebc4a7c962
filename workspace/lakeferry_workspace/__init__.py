"""The local workspace: Databricks' REST API on 127.0.0.1 with Spark and Delta Lake behind it."""
