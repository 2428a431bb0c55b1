"""Writers of a report in other formats than HTML, and of the whole run folder."""
