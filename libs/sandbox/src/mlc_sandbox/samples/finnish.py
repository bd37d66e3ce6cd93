"""Approved invoices of Northwind Manufacturing Oy (FI01, euro): Finnish VAT at 24, 14 and 0 percent."""

from decimal import Decimal

from mlc_sandbox.samples.compose import Case

_FI = "FI01"

CASES = (
    Case("SLV-300118", "20105", "Laakerit, linja 2", "6300-20-310 864.30 VAT24 Rullalaakerit", _FI),
    Case("SLV-300190", "20105", "Käyttöhihnat", """
        6300-20-310 120.45 VAT24 Kiilahihnat
        6300-20-320 66.05 VAT24 Hammashihnat
    """, _FI, gaps=True),
    Case("Lasku 55/2026", "20108", "Teräslevy", """
        5010-20-310 15620.00 VAT24 Levy 3 mm
        5010-20-320 2204.80 VAT24 Lattatanko
    """, _FI),
    Case("JE 10-26", "20112", "Sähkö, lokakuu", """
        6210-10-200 612.44 VAT24 Konttori
        6210-20-310 5120.19 VAT24 Koneistus
        6210-20-320 2308.07 VAT24 Kokoonpano
        6210-40-500 399.30 VAT24 Varasto
    """, _FI),
    Case("JE 09-26", "20112", "Sähkö, syyskuu", """
        6210-20-310 4987.02 VAT24 Koneistus
        6210-10-200 590.98 VAT24 Konttori
    """, _FI, dates="date"),
    Case("Häkkinen-210", "20117", "Siivous, lokakuu", """
        6200-10-200 720.00 VAT24 Konttori
        6200-20-310 910.00 VAT24 Koneistus
        6200-70-800 155.00 VAT24 Laboratorio
    """, _FI),
    Case("HK 2026/881", "20121", "Kuljetukset, viikko 42", """
        6420-40-510 1480.00 VAT24 Vienti satamaan
        5110-20-310 310.00 VAT24 Nouto
    """, _FI),
    Case("HK 2026/902", "20121", "Kansainvälinen rahti", "6420-40-510 2290.00 VAT0 Rahti Gdyniaan", _FI),
    Case("Å-4410", "20126", "Verktyg", """
        6320-20-310 318.18 VAT24 Hårdmetallborr
        6320-20-340 77.77 VAT24 Gängtappar
        6320-30-400 12.05 VAT24 Bits
    """, _FI),
    Case("Å-4452", "20126", "Mätklockor", "6400-70-800 489.00 VAT24 Två mätklockor", _FI, dates="offset"),
    Case("TK 9912", "20130", "Toimistotarvikkeet", """
        6100-10-200 33.33 VAT24 Paperi
        6100-10-210 33.33 VAT24 Mapit
        6100-10-220 33.34 VAT24 Kynät
    """, _FI),
    Case("TK 9957", "20130", "Lehtitilaukset ja tarvikkeet, kaksi verokantaa", """
        6100-10-200 118.60 VAT24 Tarvikkeet
        6110-10-200 42.00 VAT0 Postimerkit
        6900-10-200 96.49 VAT14 Ammattilehdet
    """, _FI, gaps=True),
    Case("PP-71820", "20139", "Pakkaustarvikkeet", """
        6410-40-500 1904.16 VAT24 Lavat
        6410-40-510 230.08 VAT24 Vanteet
    """, _FI, whole=True),
    Case("PP-71911", "20139", "Pahvilaatikot, vero vain otsikolla", """
        6410-40-500 505.05 - Laatikot 400
        6410-40-510 303.03 - Laatikot 600
    """, _FI, header_tax="VAT24"),
    Case("S&N 2026-77", "20144", "Sopimusneuvonta", "6600-10-200 1950.00 VAT24 Sopimukset, 6,5 h", _FI),
    Case("KA-0815", "20148", "Esitteet", """
        6120-50-610 1340.00 VAT24 Esite, 2000 kpl
        6120-10-200 88.50 VAT24 Käyntikortit
    """, _FI),
    Case("M 10311", "20152", "Asiakaslounas", "6710-50-600 184.20 VAT14 Lounas, 8 henkilöä", _FI, dates="fraction"),
    Case("M 10355", "20152", "Henkilöstötilaisuus", """
        6710-10-200 612.30 VAT14 Buffet
        6710-10-200 95.00 VAT24 Tilavuokra
    """, _FI),
    Case("PO-2026-1104", "20157", "Pilvipalvelut, marraskuu", """
        6500-10-210 410.00 VAT24 Taloushallinto
        6500-10-230 1265.00 VAT24 Alusta
        6500-60-700 780.00 VAT24 Suunnittelu
    """, _FI, dates="naive"),
    Case("RG/2026/Ü 77", "10477", "Spedition Hamburg-Tampere", "5110-40-500 1711.90 VAT0 Seefracht, 2 Container", _FI),
    Case("TL 600-1", "20171", "Turvavarusteet", """
        6340-20-310 204.00 VAT24 Käsineet
        6340-20-320 101.10 VAT24 Suojalasit
        6340-40-500 58.90 VAT24 Heijastinliivit
    """, _FI, row_extra={"numericHint": Decimal("0.10")}),
    Case("TL 600-2", "20171", "Kuulosuojaimet", "6340-20-330 76.45 VAT24 Kuulosuojaimet, 5 kpl", _FI, whole=True),
    Case("SLV-300255", "20105", "Vaihteiston huolto, osa verotta", """
        6300-30-400 2210.00 VAT24 Huoltotyö
        6300-30-400 140.75 VAT0 Matkakulut
    """, _FI, dates="long"),
)  # fmt: skip
