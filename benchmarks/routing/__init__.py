"""What routing and change cost: decisions, conditions, shadows and new documents, each against its bar."""
