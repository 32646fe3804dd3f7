"""Tables that are wanted beside the report's own: any fields down, any across, without code."""
