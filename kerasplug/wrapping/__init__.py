"""What `kerasplug.create_layer` is made of: classes, arguments, composing, shapes."""
