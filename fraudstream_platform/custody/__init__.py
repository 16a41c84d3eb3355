"""What a person does with originals, keys and the audit trail: each thing audited first."""
