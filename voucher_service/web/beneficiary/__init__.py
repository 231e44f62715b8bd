"""The beneficiary's door: *Mon bon*, *Après usage*, and what a personal phone sees when it scans a voucher."""
