"""A study: arms times seeds over a base recipe, trained, compared in pairs and kept in one folder."""
