"""masterdata-sync: master records of Epicor become master records of Basware."""
