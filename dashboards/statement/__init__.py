"""The payout statement: what one payee was posted in one month, from the released ledger lines."""
