"""An object store on loopback that counts requests, keeps S3's conditions, and fails on demand."""
