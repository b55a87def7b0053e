"""A lab that is up at once and answers anything: `trivial_lab.py ADDRESS PORT`. It takes the noise of a real JupyterLab out of a figure."""

import socket
import sys

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nX-JupyterHub-Version: 6.1.1\r\nConnection: close\r\n\r\nup\n"

server = socket.create_server((sys.argv[1], int(sys.argv[2])), backlog=64)
while True:
    connection, _ = server.accept()
    connection.recv(65536)
    connection.sendall(ANSWER)
    connection.close()
