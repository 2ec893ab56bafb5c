"""The embedded default: Postgres, FTP server and process manager of our own, under `data_dir`."""
