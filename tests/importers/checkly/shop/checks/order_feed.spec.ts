import { WebSocket } from 'ws'

const socket: WebSocket = new WebSocket(`wss://live.example.org/${process.env.FEED}`, {
  headers: { Authorization: `Bearer ${process.env.FEED_TOKEN}` },
})

socket.on('open', () => socket.send('subscribe'))
socket.on('message', (data: Buffer) => {
  console.log(JSON.parse(data.toString()).sequence)
  socket.close()
})
socket.on('error', (error) => console.error(error))
setTimeout(() => socket.close(), 5_000)
