"""The REST API's addresses. Each function here only translates between HTTP and `portico.managers.service`."""
