"""The checks, a module for each subject. Importing them loads no Keras."""
