"""What a partner's file may be, made into text with one row a line: CSV as it is, workbooks, lists. No tables."""
