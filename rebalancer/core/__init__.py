"""Pure decisions in integers, in the order of the tick: drift trigger plan cost guard settle render."""
