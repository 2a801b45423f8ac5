"""Looking into S3: buckets, objects, sizes, metadata, the beginning or end of a text, a link."""
