"""What a tenant is: bundle schema, theme chain, snapshots, git sync, sandbox, rehearsal."""
