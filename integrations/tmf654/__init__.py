"""TMF654 Prepay Balance Management 4.0: what operators speak themselves. It has no field for our reference."""
