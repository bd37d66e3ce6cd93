# All images at once, each with its SBOM and provenance:
#   PYTHON_IMAGE=docker.io/library/python@sha256:... REGISTRY=registry.example.com/ml-connector docker buildx bake --push
variable "PYTHON_IMAGE" {}

variable "REGISTRY" {
  default = "ml-connector"
}

variable "VERSION" {
  default = "0.1.0"
}

target "default" {
  name = service
  matrix = {
    service = ["webhook-gateway", "basware-reader", "epicor-writer", "masterdata-sync", "operator-console"]
  }
  context    = "."
  dockerfile = "Dockerfile"
  target     = service
  args       = { PYTHON_IMAGE = PYTHON_IMAGE }
  tags       = ["${REGISTRY}/${service}:${VERSION}"]
  attest     = ["type=sbom", "type=provenance,mode=max"]
}
