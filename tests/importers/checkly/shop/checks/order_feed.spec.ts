import { test, expect } from '@playwright/test'
import { WebSocket } from 'ws'

test('updates of orders', async () => {
  const socket = new WebSocket(`wss://live.example.org/${process.env.FEED}`, {
    headers: { Authorization: `Bearer ${process.env.FEED_TOKEN}` },
  })
  const message = await new Promise<string>((resolve, reject) => {
    socket.on('message', (data) => resolve(data.toString()))
    socket.on('error', reject)
  })
  expect(JSON.parse(message)).toHaveProperty('sequence')
  socket.close()
})
