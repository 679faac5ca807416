"""Every fault that there is a name for."""

from __future__ import annotations

import faults_of_reading
import faults_of_sending
import faults_of_transport

CASES = (*faults_of_transport.CASES, *faults_of_reading.CASES, *faults_of_sending.CASES)
