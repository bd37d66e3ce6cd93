"""Approved invoices of Northwind Manufacturing Inc. (US01, US dollar): with Illinois sales tax, without, and mixed."""

from decimal import Decimal

from mlc_sandbox.samples.compose import Case

CASES = (
    Case("INV-88214", "10432", "Fasteners for the machining line", "5020-20-310 2480.00 US-IL Hex bolts M8x40, zinc"),
    Case("GLF 2026/0917", "10432", "Small parts, three work centres", """
        5020-20-310 0.10 US-IL Washers, sample bag
        5020-20-320 0.20 US-IL Washers, sample bag
        5020-20-340 0.70 US-IL Pins, sample bag
    """, gaps=True),
    Case("PS-104411", "10433", "Cold rolled sheet", """
        5010-20-310 18240.55 - Sheet 2 mm, 14 t
        5010-20-330 906.45 - Off-cuts
    """),
    Case("PS-104502", "10433", "Flat bar and freight", """
        5010-20-320 6120.00 - Flat bar 40x5
        5010-20-340 410.20 - Tool steel, round
        5110-20-320 185.00 - Freight, Joliet to plant 2
    """, dates="date"),
    Case("4471-A", "10440", "Argon and mix gas, October", """
        6330-20-310 311.05 US-IL Argon 5.0, 4 cylinders
        6330-20-330 128.40 US-IL Mix gas 82/18
        6330-20-340 64.15 US-IL Acetylene
    """),
    Case("4471-B", "10440", "Cylinder rent", "6330-20-310 96.00 US-IL Cylinder rent, 16 cylinders"),
    Case("hb-2026-3307", "10451", "Bearings for spindle 4", "6300-20-310 1318.77 US-IL Angular contact bearings, set"),
    Case("hb-2026-3391", "10451", "Belts and pulleys", """
        6300-20-310 212.36 US-IL V-belts
        6300-20-320 87.19 US-IL Pulley 180 mm
        6300-30-400 45.05 US-IL Tensioner
    """, dates="naive"),
    Case("FVE/10/2026", "10458", "Electricity, October", """
        6210-10-200 1204.11 - Head office
        6210-20-310 9310.48 - Machining
        6210-20-320 4127.93 - Assembly
        6210-20-330 5216.07 - Paint shop
        6210-40-500 886.20 - Warehouse
    """),
    Case("FVE/09/2026", "10458", "Electricity, September", """
        6210-10-200 1187.64 - Head office
        6210-20-310 9034.02 - Machining
        6210-40-500 853.91 - Warehouse
    """, gaps=True),
    Case("W 77120", "10460", "Water and sewer, third quarter", """
        6230-10-200 318.40 - Head office
        6230-20-330 2217.85 - Paint shop
        6230-30-410 142.10 - Grounds
    """),
    Case("KM-60018", "10466", "Cartons and pallets", """
        6410-40-500 1450.00 US-IL Cartons 600x400x300
        6410-40-510 725.00 US-IL Pallets, heat treated
    """, whole=True),
    Case("KM-60077", "10466", "Stretch film", "6410-40-500 312.12 US-IL Stretch film, 48 rolls"),
    Case("NL-2026-5512", "10477", "Outbound freight, week 41", "6420-40-510 3980.00 - 11 loads to Ohio and Iowa"),
    Case("NL-2026-5580", "10477", "Freight in and out, calendar week 43", """
        5110-20-310 640.00 - Castings from Dubuque
        5110-40-500 212.50 - Returns
        6420-40-510 2785.75 - 8 loads
    """, dates="offset"),
    Case("1009", "10481", "Janitorial services, October", """
        6200-10-200 980.00 - Offices, 22 evenings
        6200-20-310 1260.00 - Machining, weekly
        6200-20-320 840.00 - Assembly, weekly
        6200-70-800 210.00 - Quality laboratory
    """),
    Case("1031", "10481", "Carpet cleaning", "6200-10-200 412.50 - Head office, 550 sq ft"),
    Case("BSP 44-1187", "10485", "Agency staff, calendar week 42", """
        6630-20-310 3264.00 - Two machinists, 96 h
        6630-20-320 2210.40 - Three assemblers, 104 h
        6630-40-500 1188.00 - One picker, 44 h
    """),
    Case("BSP 44-1203", "10485", "Agency staff, calendar week 43", "6630-20-320 2167.35 - Three assemblers, 102 h"),
    Case("LOP-220914", "10490", "Paper and toner", """
        6100-10-200 48.15 US-IL Paper, 10 reams
        6100-10-210 131.99 US-IL Toner, black
        6100-10-220 22.40 US-IL Folders
        6100-50-600 17.05 US-IL Pens
        6100-60-700 61.80 US-IL Plotter paper
        6100-70-800 9.95 US-IL Labels
        6120-10-200 75.00 US-IL Letterheads
        6120-50-610 240.00 US-IL Flyers
    """, gaps=True),
    Case("LOP-221003", "10490", "Chairs, tax in the header only", """
        6100-10-200 650.00 - Two chairs
        6100-10-230 325.00 - One chair
    """, header_tax="US-IL"),
    Case("ST&D 3120", "10502", "Fixture for housing line", "6320-20-340 4875.00 US-IL Drill fixture, hardened"),
    Case("ST&D 3144", "10502", "Regrinding", """
        6320-20-310 96.33 US-IL End mills, 12 pieces
        6320-20-320 33.33 US-IL Reamers, 4 pieces
        6320-60-710 33.34 US-IL Step drills, 4 pieces
    """),
    Case("ISS00091", "10509", "Gloves and glasses", """
        6340-20-310 118.08 US-IL Gloves, cut level D
        6340-20-320 96.16 US-IL Gloves, assembly
        6340-20-330 54.24 US-IL Respirator filters
        6340-40-500 31.92 US-IL High visibility vests
    """, whole=True),
    Case("ISS00107", "10509", "Eye wash stations", """
        6340-70-800 289.90 US-IL Eye wash station
        6340-30-400 289.90 US-IL Same
    """),
    Case("DS-2026-11-004", "10513", "Planning software, November", """
        6500-10-230 1190.00 - Platform
        6500-50-600 340.00 - 4 seats
        6500-60-700 510.00 - 6 seats
    """, dates="fraction"),
    Case("CCL 26/1409", "10520", "Calibration of gauges", """
        6400-70-800 1287.50 - 25 gauges
        6400-20-340 206.00 - 4 micrometers
    """),
    Case("QF-7781", "10528", "Forklift hire, October", """
        6430-40-500 1840.00 US-IL Two trucks
        6430-40-510 920.00 US-IL One truck
    """),
    Case("wfl-903311", "10531", "Less than truckload", """
        6420-40-510 412.87 - Lafayette
        5110-20-320 188.13 - From Racine
    """, dates="long"),
    Case("HPL 2026-218", "10544", "Contract review", "6600-10-200 2850.00 - 9.5 h\n6600-10-210 600.00 - 2 h"),
    Case("BC-55120", "10549", "Powder, two colours, taxed in part", """
        5030-20-330 3310.25 - Coating of frames
        5010-20-330 1204.40 US-IL Powder RAL 7035
        5010-20-330 893.15 US-IL Powder RAL 5010
    """),
    Case("RWR-2610", "10552", "Waste, October", """
        6240-20-310 288.00 - Chips and coolant
        6240-20-330 517.40 - Paint sludge
        6240-40-500 96.60 - Cardboard
    """),
    Case("SRTA/4410", "10560", "Flights and hotel, trade visit", """
        6700-50-600 1846.22 - Two travellers
        6710-50-600 132.78 - Dinner
    """),
    Case("TRA-1904", "10567", "Grinding wheels", """
        6320-20-310 402.05 US-IL Wheels 200x25
        6320-20-340 118.45 US-IL Dressing tools
    """, extra={"sustainabilityClass": "B", "approvalChain": [{"step": 1, "by": "plant manager"}]},
        row_extra={"carbonFootprint": Decimal("12.5")}),
    Case("FVE/ADJ/17", "10458", "Meter adjustment, many small shares", """
        6210-10-200 1.10 - Share
        6210-20-310 2.20 - Share
        6210-20-320 3.30 - Share
        6210-20-330 4.40 - Share
        6210-30-400 0.07 - Share
        6210-40-500 0.03 - Share
    """),
    Case("PS-104633", "10433", "Plate, one large order", "5010-20-310 248916.37 - Plate 20 mm, 190 t", dates="offset"),
)  # fmt: skip
