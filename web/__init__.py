"""What both HTTP servers share: status numbers, headers, limits, request ids, and how they are started."""
