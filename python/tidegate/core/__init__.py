"""Pure decisions: functions of their arguments, here or in the native core behind typed faces."""
