"""The parts of the page of an assignment's submissions."""
