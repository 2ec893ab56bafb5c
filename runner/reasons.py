"""What the runner tells students when a stage did not end by itself."""

from __future__ import annotations

from runner.watch import Limit

NO_SANDBOX = {
    "en": "The platform has no sandbox for student code: install bubblewrap and requeue the submission.",
    "es": "La plataforma no tiene un entorno aislado para ejecutar código: instala bubblewrap y reencola.",
}
INCOMPLETE_SANDBOX = {
    "en": "The platform has no sandbox for student code that is complete (missing: {lacks}).",
    "es": "La plataforma no tiene un entorno aislado completo para ejecutar código (falta: {lacks}).",
}
STOPPED = {
    Limit.TIME: {
        "en": "The stage was stopped after {seconds} s, the longest it may take.",
        "es": "La etapa se detuvo tras {seconds} s, lo máximo permitido.",
    },
    Limit.MEMORY: {
        "en": "The stage was stopped because it used more memory than allowed.",
        "es": "La etapa se detuvo porque usó más memoria de la permitida.",
    },
    Limit.DISK: {
        "en": "The stage was stopped because it wrote more files than allowed.",
        "es": "La etapa se detuvo porque escribió más archivos de lo permitido.",
    },
    Limit.OUTPUT: {
        "en": "The stage was stopped because it printed more text than allowed.",
        "es": "La etapa se detuvo porque imprimió más texto de lo permitido.",
    },
}
FAILED = {
    "en": "The stage ended with code {code} and printed nothing.",
    "es": "La etapa terminó con código {code} sin imprimir nada.",
}
CRASHED = {
    "en": "The platform failed, not your work (incident {incident}). A monitor can requeue the submission.",
    "es": "Falló la plataforma, no tu trabajo (incidente {incident}). Un monitor puede reencolar la entrega.",
}
LOST = {
    "en": "The files of this attempt could not be read: {error}",
    "es": "No se pudieron leer los archivos de este intento: {error}",
}
